import type { Call, Reply } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FhirError } from '../http/outcome.ts';
import { beginJob } from '../job/begin.ts';
import { type ExportLevel, type ExportRequest, parseExport } from '../job/export/export-request.ts';
import { requesterOf } from '../job/job.ts';
import { dateInterval } from '../search/parameter/date.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import type { Operation } from './operation.ts';
import { operationParameters } from './parameters.ts';

const MAX_MEMBERS = 50_000;

const run = async (server: Server, call: Call): Promise<Reply> => {
  const level = levelOf(call);
  if (server.jobs.exportBucket === undefined)
    throw new FhirError('not-implemented', 'this server has no place for exports: ask its operator to set EXPORT_BUCKET');
  if (level !== 'system') requireScope(call.identity, 'Patient', 'r');
  const { identity, prefer } = call;
  const question = parseExport(server, await operationParameters(call), { level, identity, lenient: prefer.lenient });
  const members = level === 'group' ? await membersOf(server, call) : undefined;
  const path = [call.target.resourceType, call.target.id, '$export'].filter(Boolean).join('/');
  const request: ExportRequest = {
    ...question,
    patients: members === undefined ? question.patients : members.filter((id) => question.patients?.includes(id) ?? true),
    level,
    url: `${server.baseUrl}/${path}${call.query === '' ? '' : `?${call.query}`}`,
    requester: requesterOf(call),
  };
  const resource = level === 'group' ? `Group/${call.target.id}` : undefined;
  const reason = `export of ${request.types.length === 1 ? request.types[0] : `${request.types.length} types`}`;
  return beginJob(server, call, 'export', { request, outcome: { resource, reason } });
};

const levelOf = ({ target: { resourceType, id } }: Call): ExportLevel => {
  if (resourceType === undefined) return 'system';
  if (resourceType === 'Patient' && id === undefined) return 'patient';
  if (resourceType === 'Group' && id !== undefined) return 'group';
  throw new FhirError('unknown-operation', '$export is offered at /$export, /Patient/$export and /Group/<id>/$export');
};

interface Member {
  readonly entity?: { readonly reference?: string };
  readonly inactive?: boolean;
  readonly period?: { readonly start?: string; readonly end?: string };
}

/** Source: http://hl7.org/fhir/R4/group-definitions.html#Group.member */
const isMember = ({ inactive, period: { start, end } = {} }: Member, now: number): boolean => {
  const hasBegun = start === undefined || (dateInterval(start)?.lo ?? now) <= now;
  const hasEnded = end !== undefined && (dateInterval(end)?.hi ?? Infinity) <= now;
  return inactive !== true && hasBegun && !hasEnded;
};

/** Ids of the patients that are in the group now. */
const membersOf = async (server: Server, call: Call): Promise<readonly string[]> => {
  requireScope(call.identity, 'Group', 'r');
  const id = call.target.id!;
  const head = await readHead(server.db, server.registry.typeId('Group'), id);
  if (head === undefined || head.body === null) throw new FhirError(head ? 'deleted' : 'not-found', `there is no Group/${id}`);
  const { member = [] } = JSON.parse(head.body) as { member?: Member[] };
  const now = Date.now();
  const ids = member.flatMap((each) => {
    const reference = each.entity?.reference?.replace(`${server.baseUrl}/`, '') ?? '';
    return isMember(each, now) && /^Patient\/[A-Za-z0-9\-.]{1,64}$/.test(reference) ? reference.slice('Patient/'.length) : [];
  });
  if (ids.length > MAX_MEMBERS)
    throw new FhirError('too-costly', `Group/${id} has more than ${MAX_MEMBERS} patients: export them by Patient/$export`);
  return [...new Set(ids)];
};

/**
 * Begins an export of all resources, of those of all patients, or of a group's. Only types that the client may search and read; one that it
 * asks for by `_type` and may not is refused. Source: http://hl7.org/fhir/uv/bulkdata/STU2/export.html
 */
export const exportOperation: Operation = {
  name: '$export',
  definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export',
  definitionOn: {
    Patient: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export',
    Group: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export',
  },
  levels: ['system', 'type', 'instance'],
  types: ['Patient', 'Group'],
  isRead: true,
  scopes: () => [],
  run,
};
