import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import { isStandard } from '../search-parameter/definition.ts';
import { findPackaged } from '../search-parameter/packaged-table.ts';
import { readState } from '../search-parameter/parameter-table.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import type { Operation } from './operation.ts';
import { operationParameters, textParameter } from './parameters.ts';

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

interface Found {
  readonly status: Status;
  /** Of the stored resource; none where a package has brought it. */
  readonly stored: { readonly resource: string; readonly version: number } | undefined;
}

/** Of the packages' parameters none is a resource here, so they are asked for by their url. */
const packagedStatus = async (server: Server, call: Call): Promise<Status> => {
  const parameters = await operationParameters(call);
  for (const { name } of parameters)
    if (name !== 'url') throw new FhirError('invalid', `SearchParameter/$status takes the parameter url and no ${name.slice(0, 60)}`);
  const url = textParameter(parameters, 'url');
  if (url === undefined || url === '')
    throw new FhirError(
      'invalid',
      'say which: SearchParameter/$status?url=… for one of a package, SearchParameter/<id>/$status for a stored one',
    );
  if (server.registry.searchParameterByUrl(url) !== undefined)
    return { state: 'standard', message: "one of R4's own: it can be searched by in any case" };
  const row = await findPackaged(server.db, url);
  if (row === undefined)
    throw new FhirError(
      'not-found',
      `no package of this server has a search parameter ${url.slice(0, 200)} that it can index: its log says why`,
    );
  const { done } = row;
  const total = row.total ?? undefined;
  return row.state === 'ready'
    ? { state: 'ready', message: `it can be searched by; of the package ${row.package}`, done, total }
    : { state: 'indexing', message: `it can be searched by when all resources are done; of the package ${row.package}`, done, total };
};

const storedStatus = async (server: Server, id: string): Promise<Found> => {
  const head = await readHead(server.db, server.registry.typeId('SearchParameter'), id);
  if (head === undefined) throw new FhirError('not-found', `there is no SearchParameter/${id}`);
  const { rid, version, body } = head;
  if (body === null) throw new FhirError('deleted', `SearchParameter/${id} is deleted: it can't be searched by any more`);
  return { status: await statusOf(server, rid, { version, body }), stored: { resource: `SearchParameter/${id}`, version } };
};

const run = async (server: Server, call: Call): Promise<Reply> => {
  const { id } = call.target;
  const { status, stored }: Found =
    id === undefined ? { status: await packagedStatus(server, call), stored: undefined } : await storedStatus(server, id);
  const { state, message, done, total } = status;
  const parameter = [
    { name: 'state', valueCode: state },
    { name: 'message', valueString: message },
    ...(done === undefined ? [] : [{ name: 'done', valueUnsignedInt: done }]),
    ...(total === undefined ? [] : [{ name: 'total', valueUnsignedInt: total }]),
  ];
  const audited = await record(server.outbox, call, { status: 200, ...stored });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: JSON.stringify({ resourceType: 'Parameters', parameter }), audited };
};

/** How far a SearchParameter, stored or of a package, is on its way into the index; this server's own. */
export const searchParameterStatus: Operation = {
  name: '$status',
  definition: 'urn:portcullis:OperationDefinition:SearchParameter-status',
  levels: ['type', 'instance'],
  types: ['SearchParameter'],
  isRead: true,
  scopes: () => [{ resourceType: 'SearchParameter', letter: 'r' }],
  run,
};
