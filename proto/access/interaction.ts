/**
 * What a request asks for, judged from its method and path alone: the gateway and the FHIR server use this one function.
 * Source: http://hl7.org/fhir/R4/http.html
 */

export type Interaction =
  | 'capabilities'
  | 'read'
  | 'vread'
  | 'search-type'
  | 'search-system'
  | 'search-compartment'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'conditional-update'
  | 'conditional-patch'
  | 'conditional-delete'
  | 'history-instance'
  | 'history-type'
  | 'history-system'
  | 'batch'
  | 'operation'
  | 'job-status'
  | 'job-cancel'
  | 'job-file';

/** What quotas count by; `bulk` is a Bundle posted to the base, $export and $import. */
export type InteractionClass = 'read' | 'search' | 'write' | 'bulk' | 'operation' | 'capabilities';

export interface Classified {
  readonly interaction: Interaction;
  readonly class: InteractionClass;
  readonly resourceType?: string | undefined;
  readonly id?: string | undefined;
  readonly versionId?: string | undefined;
  /** With its `$`. */
  readonly operation?: string | undefined;
  readonly compartment?: { readonly type: string; readonly id: string } | undefined;
  /** What OPTIONS asked for: the methods that the address takes. */
  readonly allow?: readonly string[] | undefined;
  /** Work in the background that a former request began; `file` is one of what it made. */
  readonly job?: { readonly id: string; readonly file?: string | undefined } | undefined;
}

/** The class of each interaction but operations, whose class goes by their name. */
const CLASS: Record<Exclude<Interaction, 'operation'>, InteractionClass> = {
  capabilities: 'capabilities',
  read: 'read',
  vread: 'read',
  'history-instance': 'read',
  'search-type': 'search',
  'search-system': 'search',
  'search-compartment': 'search',
  'history-type': 'search',
  'history-system': 'search',
  create: 'write',
  update: 'write',
  patch: 'write',
  delete: 'write',
  'conditional-update': 'write',
  'conditional-patch': 'write',
  'conditional-delete': 'write',
  batch: 'bulk',
  // What began the job was counted as bulk: looking after it and fetching what it made are not counted so again.
  'job-status': 'read',
  'job-cancel': 'operation',
  'job-file': 'read',
};

/** The same for a name that comes from outside. */
export const INTERACTION_CLASS: Readonly<Record<string, InteractionClass | undefined>> = { ...CLASS, operation: 'operation' };

const ON_TYPE = {
  GET: 'search-type',
  POST: 'create',
  PUT: 'conditional-update',
  PATCH: 'conditional-patch',
  DELETE: 'conditional-delete',
} as const;
const ON_INSTANCE = { GET: 'read', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const;
const BULK_OPERATIONS = new Set(['$export', '$import']);
/** Where jobs are looked after, and the operation that a client must be allowed for that; a search that runs on needs none by name. */
const JOBS: ReadonlyMap<string, string | undefined> = new Map([
  ['$export', '$export'],
  ['$import', '$import'],
  ['$async', undefined],
]);

const TYPE = /^[A-Z][A-Za-z]{1,63}$/;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const FILE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const OPERATION = /^\$[A-Za-z][A-Za-z0-9-]{0,63}$/;

/** The path's segments, decoded, or undefined where the encoding is malformed or hides a slash. */
const segmentsOf = (path: string): string[] | undefined => {
  if (path === '' || path === '/') return [];
  if (path.length > 1024 || path.charCodeAt(0) !== 47) return undefined;
  const segments = path.slice(1).split('/');
  // Clients that join addresses with care for slashes ask for `/Patient/?name=x`.
  if (segments.length > 1 && segments.at(-1) === '') segments.pop();
  if (!path.includes('%')) return segments;
  try {
    const decoded = segments.map((segment) => decodeURIComponent(segment));
    return decoded.some((segment) => segment.includes('/')) ? undefined : decoded;
  } catch {
    return undefined;
  }
};

type Target = Omit<Classified, 'interaction' | 'class'>;

const known = (interaction: Exclude<Interaction, 'operation'> | undefined, target: Target): Classified | undefined =>
  interaction === undefined ? undefined : { interaction, class: CLASS[interaction], ...target };

const operationOn = (method: string, operation: string, target: Target): Classified | undefined =>
  (method === 'GET' || method === 'POST') && OPERATION.test(operation)
    ? { interaction: 'operation', class: BULK_OPERATIONS.has(operation) ? 'bulk' : 'operation', operation, ...target }
    : undefined;

const onSystem = (method: string, first: string | undefined): Classified | undefined => {
  if (first === undefined) return known(method === 'GET' ? 'search-system' : method === 'POST' ? 'batch' : undefined, {});
  if (first.startsWith('$')) return operationOn(method, first, {});
  if (first === 'metadata' && method === 'GET') return known('capabilities', {});
  if (first === '_history' && method === 'GET') return known('history-system', {});
  if (first === '_search' && method === 'POST') return known('search-system', {});
  return undefined;
};

const onType = (method: string, resourceType: string, second: string | undefined): Classified | undefined => {
  const target = { resourceType };
  if (second === undefined) return known(ON_TYPE[method as keyof typeof ON_TYPE], target);
  if (second.startsWith('$')) return operationOn(method, second, target);
  if (second === '_history') return known(method === 'GET' ? 'history-type' : undefined, target);
  if (second === '_search') return known(method === 'POST' ? 'search-type' : undefined, target);
  return ID.test(second) ? known(ON_INSTANCE[method as keyof typeof ON_INSTANCE], { resourceType, id: second }) : undefined;
};

const onInstance = (method: string, [resourceType, id, third, fourth, fifth]: readonly string[]): Classified | undefined => {
  if (resourceType === undefined || id === undefined || third === undefined || !ID.test(id)) return undefined;
  const target = { resourceType, id };
  if (third === '_history') {
    if (fourth === undefined) return known(method === 'GET' ? 'history-instance' : undefined, target);
    if (!ID.test(fourth)) return undefined;
    if (fifth !== undefined) return operationOn(method, fifth, { ...target, versionId: fourth });
    return known(method === 'GET' ? 'vread' : undefined, { ...target, versionId: fourth });
  }
  if (fifth !== undefined) return undefined;
  if (third.startsWith('$')) return fourth === undefined ? operationOn(method, third, target) : undefined;
  const searched = third === '*' ? undefined : third;
  if (searched !== undefined && !TYPE.test(searched)) return undefined;
  const found = fourth === undefined ? method === 'GET' : fourth === '_search' && method === 'POST';
  return known(found ? 'search-compartment' : undefined, { resourceType: searched, compartment: { type: resourceType, id } });
};

/** `/$export/<id>` to look after a job or to cancel it, `/$export/<id>/<file>` for what it made. Source: http://hl7.org/fhir/R4/async.html */
const onJob = (method: string, [kind = '', id = '', file, rest]: readonly string[]): Classified | undefined => {
  if (!JOBS.has(kind) || !ID.test(id) || rest !== undefined) return undefined;
  const operation = JOBS.get(kind);
  if (file === undefined)
    return known(method === 'GET' ? 'job-status' : method === 'DELETE' ? 'job-cancel' : undefined, { operation, job: { id } });
  return FILE.test(file) ? known(method === 'GET' ? 'job-file' : undefined, { operation, job: { id, file } }) : undefined;
};

/**
 * The interaction that a request asks for, or undefined where FHIR has none of that shape.
 * `path` has no query and starts after the base, as in `/Patient/1`.
 */
export const classify = (method: string, path: string): Classified | undefined => {
  if (method === 'OPTIONS') {
    const allow = allowedMethods(path);
    return allow.length > 0 ? known('capabilities', { allow }) : undefined;
  }
  const segments = segmentsOf(path);
  if (segments === undefined || segments.length > 5) return undefined;
  const verb = method === 'HEAD' ? 'GET' : method;
  const found = addressed(verb, segments);
  // It begins a job, and HEAD asks for nothing to be done (RFC 9110, 9.2.1).
  return method === 'HEAD' && found?.class === 'bulk' ? undefined : found;
};

const addressed = (verb: string, segments: readonly string[]): Classified | undefined => {
  const [first] = segments;
  if (first === undefined || !TYPE.test(first)) return segments.length < 2 ? onSystem(verb, first) : onJob(verb, segments);
  return segments.length < 3 ? onType(verb, first, segments[1]) : onInstance(verb, segments);
};

/** The address that was asked for, without base and query, as in `Observation` or `Patient/1/$everything`; undefined for that of the base itself. */
export const addressOf = ({ interaction, resourceType, id, versionId, operation, compartment }: Classified): string | undefined => {
  const isHistory = versionId !== undefined || interaction.startsWith('history-');
  const parts =
    compartment === undefined
      ? [resourceType, id, isHistory ? '_history' : undefined, versionId, operation]
      : [compartment.type, compartment.id, resourceType ?? '*'];
  const address = parts.filter((part) => part !== undefined).join('/');
  return address === '' ? undefined : address;
};

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** The methods that FHIR has for an address, OPTIONS with them; empty where it has no address of that form. */
export const allowedMethods = (path: string): readonly string[] => {
  const methods = METHODS.filter((method) => classify(method, path) !== undefined);
  return methods.length > 0 ? [...methods, 'OPTIONS'] : [];
};

/** Whether an address is written as FHIR's are. */
const isWellWritten = (path: string): boolean => path.split('/').every((segment) => /^[\w$.-]{0,64}$/.test(segment));

/** What is wrong with the id of an address, if it is that. Source: http://hl7.org/fhir/R4/datatypes.html#id */
const idFault = (path: string): string | undefined => {
  const [type, id] = segmentsOf(path) ?? [];
  if (type === undefined || !TYPE.test(type) || id === undefined || /^[$_]/.test(id) || ID.test(id)) return undefined;
  const shown = id.length > 80 ? `${id.slice(0, 80)}...` : id;
  return `${JSON.stringify(shown)} is no id: one has 1 to 64 of the characters A-Z, a-z, 0-9, - and .`;
};

/**
 * Why an address of no form that FHIR has is refused: nothing is there (404), or it is malformed (400), as what is to be stored by an id that
 * is none; with words for the sender where the id is what is wrong. `path` as for {@link classify}, or undefined where it is below no base.
 */
export const addressFault = (
  method: string,
  path: string | undefined,
): { readonly isMissing: boolean; readonly says?: string | undefined } => {
  if (path === undefined) return { isMissing: false };
  const says = idFault(path);
  const isRead = method === 'GET' || method === 'HEAD';
  return { isMissing: isWellWritten(path) && (says === undefined || isRead), says };
};
