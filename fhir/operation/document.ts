import { randomUUID } from 'node:crypto';
import { patientsOf } from '../audit/patients.ts';
import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import { planCreate } from '../interaction/plan.ts';
import { prepare } from '../interaction/prepare.ts';
import { commit, untilCurrent, versionHeaders } from '../interaction/written.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import { newLogicalId } from '../store/logical-id.ts';
import { contentOf, type Part } from './document-content.ts';
import { targetOf } from './document-references.ts';
import type { Operation } from './operation.ts';
import { operationParameters, textParameter } from './parameters.ts';
import { booleanParameter, type Parameters, requireKnown } from './terminology-call.ts';

const NAMES = ['id', 'persist'];

/** The Composition's id, from the address or from the parameter `id`. */
const askedId = ({ target }: Call, parameters: Parameters, baseUrl: string): string => {
  const given = textParameter(parameters, 'id');
  if (target.id !== undefined) {
    if (given === undefined) return target.id;
    throw new FhirError('invalid', `Composition/${target.id} is asked already: leave id out`, { expression: 'http.id' });
  }
  const found = given === undefined ? undefined : targetOf(given.includes('/') ? given : `Composition/${given}`, baseUrl);
  if (found?.type === 'Composition' && found.version === undefined) return found.id;
  throw new FhirError('invalid', 'say which Composition: its id, or its address on this server', { expression: 'http.id' });
};

const bundleOf = (id: string, parts: readonly Part[], baseUrl: string): string => {
  const head = JSON.stringify({
    resourceType: 'Bundle',
    id,
    identifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` },
    type: 'document',
    timestamp: new Date().toISOString(),
  });
  const entries = parts.map((part) => `{"fullUrl":"${baseUrl}/${part.type}/${part.id}","resource":${part.body}}`);
  return `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`;
};

/** Stores the document as a Bundle; the write has an event of its own. */
const persist = async (server: Server, call: Call, text: string, id: string): Promise<Pick<Reply, 'headers' | 'body'>> => {
  if (text.length > server.limits.resourceBytes)
    throw new FhirError(
      'too-large',
      `the document has ${text.length} bytes, and ${server.limits.resourceBytes} are the most that is stored: ask without persist`,
    );
  const caller = { ...call, target: { interaction: 'create' as const, class: 'write' as const, resourceType: 'Bundle' } };
  const prepared = prepare(server, text, 'Bundle');
  const [n] = await server.rids.take(1);
  return untilCurrent(async () => {
    const plan = planCreate(server, caller, prepared, id, n!);
    await commit(server, [plan]);
    return { headers: versionHeaders(server, plan), body: plan.body };
  });
};

const run = async (server: Server, call: Call): Promise<Reply> => {
  const parameters = await operationParameters(call);
  if (parameters.some(({ name }) => name === 'graph'))
    throw new FhirError(
      'not-supported',
      'graph: this server makes documents of what a Composition refers to, and goes by no GraphDefinition',
      {
        expression: 'http.graph',
      },
    );
  requireKnown(call, parameters, NAMES);
  const isKept = booleanParameter(parameters, 'persist') === true;
  if (isKept && !call.isPost) throw new FhirError('method-not-allowed', '$document with persist stores a Bundle: send it by POST');
  if (isKept) requireScope(call.identity, 'Bundle', 'c');
  const { registry, db, baseUrl } = server;
  const compositionId = askedId(call, parameters, baseUrl);
  const resource = `Composition/${compositionId}`;
  const head = await readHead(db, registry.typeId('Composition'), compositionId);
  if (head === undefined || head.body === null) throw new FhirError(head ? 'deleted' : 'not-found', `there is no ${resource}`);
  const composition = JSON.parse(head.body) as Readonly<Record<string, unknown>>;
  const others = (await contentOf(server, call.identity, composition)).filter(({ type, id }) => `${type}/${id}` !== resource);
  const parts = [{ type: 'Composition', id: compositionId, body: head.body }, ...others];
  const id = newLogicalId();
  const text = bundleOf(id, parts, baseUrl);
  const kept = isKept ? await persist(server, call, text, id) : { headers: {}, body: text };
  const patients = patientsOf(parts, baseUrl);
  const audited = await record(server.outbox, call, { status: 200, resource, patients, count: parts.length });
  return { status: 200, headers: { ...kept.headers, 'content-type': FHIR_JSON }, body: kept.body, audited };
};

/**
 * The document that a Composition is the head of: all that it refers to, which has to be here and readable, and what the content of its
 * sections refers to in turn, as far as that is here and readable. Source: http://hl7.org/fhir/R4/composition-operation-document.html
 */
export const document: Operation = {
  name: '$document',
  definition: 'http://hl7.org/fhir/OperationDefinition/Composition-document',
  levels: ['type', 'instance'],
  types: ['Composition'],
  isRead: true,
  scopes: () => [{ resourceType: 'Composition', letter: 'r' }],
  run,
};
