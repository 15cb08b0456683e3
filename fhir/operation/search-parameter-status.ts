import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import { isStandard } from '../search-parameter/definition.ts';
import { readState } from '../search-parameter/parameter-table.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import type { Operation } from './operation.ts';

interface Status {
  readonly state: 'waiting' | 'indexing' | 'ready' | 'off' | 'refused' | 'standard';
  readonly message: string;
  readonly done?: number;
  readonly total?: number | undefined;
}

const statusOf = async (server: Server, rid: number, { version, body }: { version: number; body: string }): Promise<Status> => {
  const resource = JSON.parse(body) as Readonly<Record<string, unknown>>;
  if (isStandard(resource, server.registry)) return { state: 'standard', message: "one of R4's own: it can be searched by in any case" };
  const row = await readState(server.db, rid);
  if (row === undefined) return { state: 'off', message: `its status is ${String(resource['status'])}: only active ones are indexed` };
  if (row.version !== version) return { state: 'waiting', message: 'it was written just now' };
  const { done, reason } = row;
  const total = row.total ?? undefined;
  switch (row.state) {
    case 'waiting':
      return { state: 'waiting', message: 'it was written just now' };
    case 'indexing':
      return { state: 'indexing', message: 'it can be searched by when all resources are done', done, total };
    case 'ready':
      return { state: 'ready', message: 'it can be searched by', done, total };
    case 'off':
      return { state: 'off', message: `its status is ${String(resource['status'])}: only active ones are indexed` };
    case 'refused':
      return { state: 'refused', message: reason ?? "it can't be indexed" };
  }
};

const run = async (server: Server, call: Call): Promise<Reply> => {
  const { id } = call.target;
  const head = await readHead(server.db, server.registry.typeId('SearchParameter'), id!);
  if (head === undefined) throw new FhirError('not-found', `there is no SearchParameter/${id}`);
  const { rid, version, body } = head;
  if (body === null) throw new FhirError('deleted', `SearchParameter/${id} is deleted: it can't be searched by any more`);
  const { state, message, done, total } = await statusOf(server, rid, { version, body });
  const parameter = [
    { name: 'state', valueCode: state },
    { name: 'message', valueString: message },
    ...(done === undefined ? [] : [{ name: 'done', valueUnsignedInt: done }]),
    ...(total === undefined ? [] : [{ name: 'total', valueUnsignedInt: total }]),
  ];
  const audited = await record(server.outbox, call, { status: 200, resource: `SearchParameter/${id}`, version });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: JSON.stringify({ resourceType: 'Parameters', parameter }), audited };
};

/** How far a SearchParameter is on its way into the index; this server's own. */
export const searchParameterStatus: Operation = {
  name: '$status',
  definition: 'urn:portcullis:OperationDefinition:SearchParameter-status',
  levels: ['instance'],
  types: ['SearchParameter'],
  isRead: true,
  scopes: () => [{ resourceType: 'SearchParameter', letter: 'r' }],
  run,
};
