import type { Audited } from '../audit/audited.ts';
import { patientsOf } from '../audit/patients.ts';
import { eventOf, record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import { etagOf, noneMatch, notModifiedSince } from '../http/preconditions.ts';
import type { Server } from '../server.ts';
import { type Head, readHead, readVersion } from '../store/head.ts';

/** Source: http://hl7.org/fhir/R4/http.html#read */
export const read = async (server: Server, call: Call): Promise<Reply> => {
  const { resourceType, id } = call.target;
  const typeId = server.registry.typeId(resourceType!);
  const found = await (server.reads === undefined || isConditional(call)
    ? readHead(server.db, typeId, id!).then((head) => head && { head, audited: undefined })
    : server.reads.read({ typeId, id: id!, event: eventOf(call, { status: 200, resource: `${resourceType}/${id}` }) }));
  if (found === undefined) throw new FhirError('not-found', `there is no ${resourceType}/${id}`);
  return answer(server, call, found.head, found.audited);
};

/** Whether the status depends on what is found. */
const isConditional = ({ header }: Call): boolean => header('if-none-match') !== undefined || header('if-modified-since') !== undefined;

/** Source: http://hl7.org/fhir/R4/http.html#vread */
export const vread = async (server: Server, call: Call): Promise<Reply> => {
  const { resourceType, id, versionId } = call.target;
  const head = await readHead(server.db, server.registry.typeId(resourceType!), id!);
  const version = head && /^[1-9]\d{0,8}$/.test(versionId!) ? await readVersion(server.db, head, Number(versionId)) : undefined;
  if (version === undefined) throw new FhirError('not-found', `there is no version ${versionId} of ${resourceType}/${id}`);
  return answer(server, call, version);
};

/** `recorded` proves that the event of answering with 200 is durable already. */
const answer = async (server: Server, call: Call, { id, version, updatedMs, body }: Head, recorded?: Audited): Promise<Reply> => {
  const type = call.target.resourceType!;
  const resource = `${type}/${id}`;
  const headers = { etag: etagOf(version), 'last-modified': new Date(updatedMs).toUTCString() };
  if (body === null) {
    const detail = { headers: { etag: etagOf(version) } };
    throw new FhirError('deleted', `${resource} was deleted: its former versions are under ${resource}/_history`, detail);
  }
  const ifNoneMatch = call.header('if-none-match');
  const known = ifNoneMatch === undefined ? notModifiedSince(call.header('if-modified-since'), updatedMs) : noneMatch(ifNoneMatch, version);
  const status = known ? 304 : 200;
  const audited =
    recorded ??
    (await record(server.outbox, call, { status, resource, version, patients: patientsOf([{ type, id, body }], server.baseUrl) }));
  if (known) return { status, headers, modifiedMs: updatedMs, body: null, audited };
  return { status, headers: { ...headers, 'content-type': FHIR_JSON }, modifiedMs: updatedMs, body, audited };
};
