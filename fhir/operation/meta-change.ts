/** $meta-add and $meta-delete: each makes a new version, since versions never change here and each has one event in the trail. */
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import { parseIfMatch, requireMatch } from '../http/preconditions.ts';
import { planUpdate } from '../interaction/plan.ts';
import { prepare } from '../interaction/prepare.ts';
import { commit, untilCurrent, versionHeaders } from '../interaction/written.ts';
import { META_LISTS, type MetaEntries, type MetaEntry, withMetaAdded, withMetaDeleted } from '../json/meta-splice.ts';
import { isObject } from '../json/value.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import type { Operation } from './operation.ts';
import { operationParameters } from './parameters.ts';

const MAX_ENTRIES = 100;

const isEntry = (list: string, entry: unknown): entry is MetaEntry =>
  list === 'profile' ? typeof entry === 'string' && entry !== '' : isObject(entry) && typeof entry['code'] === 'string';

/** The labels of the parameter `meta`; throws 400 naming what of it is none. */
const givenMeta = async (call: Call): Promise<MetaEntries> => {
  const given = (await operationParameters(call)).filter(({ name }) => name === 'meta');
  const value = given[0]?.value;
  if (given.length !== 1 || !isObject(value)) {
    throw new FhirError(
      'invalid',
      'give one parameter meta with a valueMeta, such as {"tag": [{"system": "http://example.org", "code": "x"}]}',
      {
        expression: 'Parameters.parameter',
      },
    );
  }
  const entries = META_LISTS.map((list) => {
    const found = value[list] ?? [];
    const at = `Parameters.parameter.valueMeta.${list}`;
    if (!Array.isArray(found)) throw new FhirError('structure', `${at} is an array`, { expression: at });
    if (found.length > MAX_ENTRIES) throw new FhirError('too-costly', `${at} has more than ${MAX_ENTRIES} entries`, { expression: at });
    const wrong = found.findIndex((entry) => !isEntry(list, entry));
    if (wrong !== -1) {
      const form = list === 'profile' ? 'the address of a profile' : 'a coding with a code';
      throw new FhirError('value', `${at}[${wrong}] is not ${form}`, { expression: `${at}[${wrong}]` });
    }
    return [list, found as MetaEntry[]] as const;
  });
  if (entries.every(([, found]) => found.length === 0))
    throw new FhirError('invalid', 'valueMeta has no profile, security or tag: name what is to be changed');
  return Object.fromEntries(entries) as unknown as MetaEntries;
};

const changeMeta =
  (change: (text: string, entries: MetaEntries) => string) =>
  async (server: Server, call: Call): Promise<Reply> => {
    const { resourceType, id } = call.target;
    const entries = await givenMeta(call);
    const demanded = parseIfMatch(call.header('if-match'));
    return untilCurrent(async () => {
      const head = await readHead(server.db, server.registry.typeId(resourceType!), id!);
      if (head === undefined || head.body === null)
        throw new FhirError(head ? 'deleted' : 'not-found', `there is no ${resourceType}/${id}`);
      requireMatch(demanded, head);
      // In the trail it is the write that it is: each version has one.
      const caller = { ...call, target: { ...call.target, interaction: 'update' as const } };
      const plan = planUpdate(server, caller, prepare(server, change(head.body, entries), resourceType!), head);
      const audited = await commit(server, [plan]);
      const { meta } = JSON.parse(plan.body!) as { meta: unknown };
      const body = JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'return', valueMeta: meta }] });
      return { status: 200, headers: { ...versionHeaders(server, plan), 'content-type': FHIR_JSON }, body, audited };
    });
  };

const operation = (name: string, change: (text: string, entries: MetaEntries) => string): Operation => ({
  name,
  definition: `http://hl7.org/fhir/OperationDefinition/Resource-${name.slice(1)}`,
  levels: ['instance'],
  types: [],
  isRead: false,
  scopes: ({ resourceType }) => [
    { resourceType: resourceType!, letter: 'r' },
    { resourceType: resourceType!, letter: 'u' },
  ],
  run: changeMeta(change),
});

/** Source: http://hl7.org/fhir/R4/resource-operation-meta-add.html */
export const metaAdd = operation('$meta-add', withMetaAdded);

/** Source: http://hl7.org/fhir/R4/resource-operation-meta-delete.html */
export const metaDelete = operation('$meta-delete', withMetaDeleted);
