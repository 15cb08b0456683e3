import { patientsOf } from '../audit/patients.ts';
import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { readHead, readVersion } from '../store/head.ts';
import { labelsInUse } from './labels-in-use.ts';
import type { Operation } from './operation.ts';

const run = async (server: Server, call: Call): Promise<Reply> => {
  const { resourceType, id, versionId } = call.target;
  const answer = (meta: unknown): { status: number; headers: Record<string, string>; body: string } => ({
    status: 200,
    headers: { 'content-type': FHIR_JSON },
    body: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'return', valueMeta: meta }] }),
  });
  if (id === undefined) {
    const used = Object.entries(await labelsInUse(server, resourceType)).filter(([, entries]) => entries.length > 0);
    return { ...answer(Object.fromEntries(used)), audited: await record(server.outbox, call, { status: 200 }) };
  }
  const current = await readHead(server.db, server.registry.typeId(resourceType!), id);
  const isNumber = versionId !== undefined && /^[1-9]\d{0,8}$/.test(versionId);
  const head =
    versionId === undefined || current === undefined
      ? current
      : isNumber
        ? await readVersion(server.db, current, Number(versionId))
        : undefined;
  const name = `${resourceType}/${id}${versionId === undefined ? '' : `/_history/${versionId}`}`;
  if (head === undefined || head.body === null) throw new FhirError(head ? 'deleted' : 'not-found', `there is no ${name}`);
  const resource = JSON.parse(head.body) as { meta?: unknown };
  const patients = patientsOf([{ type: resourceType!, id, body: head.body }], server.baseUrl);
  const audited = await record(server.outbox, call, { status: 200, resource: `${resourceType}/${id}`, version: head.version, patients });
  return { ...answer(resource.meta), audited };
};

/** Profiles, tags and labels of a resource, or those in use on a type or the server. Source: http://hl7.org/fhir/R4/resource-operation-meta.html */
export const meta: Operation = {
  name: '$meta',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-meta',
  levels: ['system', 'type', 'instance'],
  types: [],
  isRead: true,
  scopes: ({ resourceType }) => [{ resourceType: resourceType ?? '*', letter: 'r' }],
  run,
};
