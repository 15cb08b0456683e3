import type { Call, Reply } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FhirError } from '../http/outcome.ts';
import { beginJob } from '../job/begin.ts';
import { type ExportLevel, type ExportQuestion, type ExportRequest, parseExport } from '../job/export/export-request.ts';
import { MAX_MEMBERS, type Members, membersOf } from '../job/export/group-members.ts';
import { requesterOf } from '../job/job.ts';
import type { Server } from '../server.ts';
import { textArray } from '../store/pool.ts';
import type { Operation } from './operation.ts';
import { operationParameters } from './parameters.ts';

/** Missing patients in one diagnostics. */
const MAX_NAMED = 10;

const run = async (server: Server, call: Call): Promise<Reply> => {
  const level = levelOf(call);
  if (server.jobs.exportBucket === undefined)
    throw new FhirError('not-implemented', 'this server has no place for exports: ask its operator to set EXPORT_BUCKET');
  if (level !== 'system') requireScope(call.identity, 'Patient', 'r');
  const { identity, prefer } = call;
  const question = parseExport(server, await operationParameters(call), { level, identity, lenient: prefer.lenient });
  if (level === 'group') requireScope(identity, 'Group', 'r');
  const members = level === 'group' ? await membersOf(server, call.target.id!) : undefined;
  const patients =
    question.patients && (await presentOf(server, question, { ids: question.patients, members: members?.ids, lenient: prefer.lenient }));
  const path = [call.target.resourceType, call.target.id, '$export'].filter(Boolean).join('/');
  const request: ExportRequest = {
    ...question,
    patients: patients?.ids ?? members?.ids,
    warnings: [question, members, patients].flatMap((each) => each?.warnings ?? []),
    level,
    url: `${server.baseUrl}/${path}${call.query === '' ? '' : `?${call.query}`}`,
    requester: requesterOf(call),
  };
  const resource = level === 'group' ? `Group/${call.target.id}` : undefined;
  const types = [...request.types, ...(request.referred ?? [])];
  const reason = `export of ${types.length === 1 ? types[0] : `${types.length} types`}`;
  return beginJob(server, call, 'export', { request, outcome: { resource, reason } });
};

const levelOf = ({ target: { resourceType, id } }: Call): ExportLevel => {
  if (resourceType === undefined) return 'system';
  if (resourceType === 'Patient' && id === undefined) return 'patient';
  if (resourceType === 'Group' && id !== undefined) return 'group';
  throw new FhirError('unknown-operation', '$export is offered at /$export, /Patient/$export and /Group/<id>/$export');
};

const PRESENT = `select r.id from unnest((select $1)::text[]) as wanted(id) join fhir.resource r on r.type = $2 and r.id = wanted.id
where r.body is not null or $3::boolean`;

/**
 * Those of the patients asked for that are there (deleted ones too, where it is asked what was deleted) or are members of the group. Throws
 * 400 naming those that are not, but for a lenient client.
 */
const presentOf = async (
  server: Server,
  { sinceMs }: ExportQuestion,
  {
    ids,
    members,
    lenient,
  }: { readonly ids: readonly string[]; readonly members?: readonly string[] | undefined; readonly lenient: boolean },
): Promise<Members> => {
  if (ids.length > MAX_MEMBERS) throw new FhirError('too-costly', `patient names more than ${MAX_MEMBERS} patients: leave it out for all`);
  const values = [textArray([...ids]), server.registry.typeId('Patient'), sinceMs !== undefined];
  const present = new Set(members ?? (await server.db.unsafe<{ id: string }[]>(PRESENT, values, { prepare: true })).map(({ id }) => id));
  const missing = ids.filter((id) => !present.has(id));
  if (missing.length === 0) return { ids, warnings: [] };
  const named = missing.slice(0, MAX_NAMED).map((id) => `Patient/${id}`);
  const more = missing.length > named.length ? ` and ${missing.length - named.length} more` : '';
  const diagnostics = `patient: ${named.join(', ')}${more}: ${members === undefined ? 'there is no such patient' : 'no member of the group now'}`;
  if (!lenient) throw new FhirError('value', diagnostics, { expression: 'http.patient' });
  return { ids: ids.filter((id) => present.has(id)), warnings: [`${diagnostics} (left out)`] };
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
