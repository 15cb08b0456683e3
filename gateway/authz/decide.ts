/** Who may do what: no clock, no wait, no count; the answer is data. */
import { addressFault, allowedMethods, type Classified, classify } from '../../proto/access/interaction.ts';
import { missingScope, neededScopes } from '../../proto/access/scope.ts';
import type { Client, ClientRegistry, Credential } from '../clients/registry.ts';

/** Why a request is refused; the audit trail and the metrics count by it. */
export type Reason =
  | 'no-certificate'
  | 'unknown-client'
  | 'revoked'
  | 'suspended'
  | 'not-yet-valid'
  | 'expired'
  | 'malformed'
  | 'scope'
  | 'operation'
  | 'quota'
  | 'quota-unavailable';

export interface Denial {
  readonly reason: Reason;
  readonly status: 400 | 401 | 403 | 404 | 405 | 414 | 429 | 503;
  /** OperationOutcome.issue.code */
  readonly code: string;
  /** What to do about it. */
  readonly diagnostics: string;
  readonly client?: Client;
  readonly target?: Classified;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Decision = { readonly client: Client; readonly target: Classified } | Denial;

export interface Question {
  /** Undefined where Envoy has passed on no certificate, or none that can be read. */
  readonly credential: Credential | undefined;
  readonly method: string;
  /** With its query. */
  readonly path: string;
}

const BASE = '/fhir';
/** Characters of an address with its query: a third of what Envoy lets through, so that whoever asks too much is told what to do. */
const MAX_PATH = 32_768;

/** The address after the base, without its query; undefined outside of the base. */
const pathOf = (path: string): string | undefined => {
  const question = path.indexOf('?');
  const plain = question === -1 ? path : path.slice(0, question);
  if (plain !== BASE && !plain.startsWith(`${BASE}/`)) return undefined;
  return plain.slice(BASE.length) || '/';
};

export const decide = ({ credential, method, path }: Question, registry: ClientRegistry, nowMs: number): Decision => {
  if (credential === undefined) {
    return {
      reason: 'no-certificate',
      status: 401,
      code: 'login',
      diagnostics: 'No client certificate: connect with the one that you were issued',
    };
  }
  const client = registry.find(credential);
  if (client === undefined) {
    const diagnostics = `Your certificate is trusted, but nobody is registered for it: ask the operator to register its SHA-256 ${credential.sha256}`;
    return { reason: 'unknown-client', status: 403, code: 'unknown', diagnostics };
  }
  const relative = pathOf(path);
  const wrong = standing(client, nowMs);
  // What it asked for belongs into the trail: whoever looks for what a withdrawn client was after finds it there.
  if (wrong !== undefined) {
    const target = relative === undefined ? undefined : classify(method, relative);
    return { ...wrong, status: 403, code: 'suppressed', client, ...(target !== undefined && { target }) };
  }
  if (path.length > MAX_PATH) {
    const says = `The address has ${path.length} characters, and ${MAX_PATH} are the most: send a search as a form, by POST to ${BASE}/Type/_search`;
    return { reason: 'malformed', status: 414, code: 'too-long', diagnostics: says, client };
  }
  const target = relative === undefined ? undefined : classify(method, relative);
  if (target === undefined) {
    const allow = relative === undefined ? [] : allowedMethods(relative);
    if (allow.length > 0) {
      const says = `FHIR has no ${method.slice(0, 10)} of this address: use ${allow.join(', ')}`;
      return { reason: 'malformed', status: 405, code: 'not-supported', diagnostics: says, client, headers: { allow: allow.join(', ') } };
    }
    const { isMissing, says } = addressFault(method, relative);
    const diagnostics =
      says ??
      `FHIR has no ${method.slice(0, 10)} of this form of address: write ${BASE}/Type, ${BASE}/Type/id or another of http://hl7.org/fhir/R4/http.html`;
    if (isMissing) return { reason: 'malformed', status: 404, code: 'not-found', diagnostics, client };
    return { reason: 'malformed', status: 400, code: 'invalid', diagnostics, client };
  }
  for (const { resourceType, letter } of neededScopes(target)) {
    const missing = missingScope(client.scopes, resourceType, letter);
    if (missing !== undefined) {
      const diagnostics = `This needs the scope ${missing}, which the client ${client.id} doesn't have: ask the operator for it`;
      return { reason: 'scope', status: 403, code: 'forbidden', diagnostics, client, target };
    }
  }
  if (target.operation !== undefined && !client.operations.includes('*') && !client.operations.includes(target.operation)) {
    const diagnostics = `The client ${client.id} may not call ${target.operation}: ask the operator to add it to its operations`;
    return { reason: 'operation', status: 403, code: 'forbidden', diagnostics, client, target };
  }
  return { client, target };
};

const standing = ({ id, status, notBeforeMs, notAfterMs }: Client, nowMs: number): Pick<Denial, 'reason' | 'diagnostics'> | undefined => {
  if (status === 'revoked')
    return { reason: 'revoked', diagnostics: `The client ${id} has been revoked: ask the operator for a new registration` };
  if (status === 'suspended')
    return { reason: 'suspended', diagnostics: `The client ${id} is suspended: ask the operator when it is resumed` };
  if (nowMs < notBeforeMs)
    return { reason: 'not-yet-valid', diagnostics: `The client ${id} is registered from ${new Date(notBeforeMs).toISOString()} on` };
  if (nowMs >= notAfterMs)
    return {
      reason: 'expired',
      diagnostics: `The registration of ${id} ended at ${new Date(notAfterMs).toISOString()}: ask the operator to prolong it`,
    };
  return undefined;
};
