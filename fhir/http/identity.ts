import { IDENTITY_HEADER, verifyIdentity } from '../../proto/access/identity.ts';
import type { IdentityKeys } from '../../proto/access/identity-keys.ts';
import { type ScopeSet, missingScope, parseScopes, type ScopeLetter } from '../../proto/access/scope.ts';
import { FhirError } from './outcome.ts';

/** Who asks, as the gateway has sworn. */
export interface Identity {
  readonly client: string;
  readonly fingerprint: string | undefined;
  readonly requestId: string | undefined;
  readonly scopes: ScopeSet;
  /** Operations that it may call, by name with `$`; `*` for all. */
  readonly operations: readonly string[];
}

/** Answers who sent a request, or throws 401; 503 where the gateway has sworn too long ago, or in the future. */
export type Identify = (header: (name: string) => string | undefined) => Identity;

const KNOWN_SCOPES = 1000;

/** Believes only the signed header; `onRefused` hears why another was not believed, which the client doesn't. */
export const signedIdentity = (keys: () => IdentityKeys, onRefused: (reason: string) => void): Identify => {
  const scopeSets = new Map<string, ScopeSet>();
  const scopesOf = (text: string): ScopeSet => {
    let scopes = scopeSets.get(text);
    if (scopes === undefined) {
      if (scopeSets.size >= KNOWN_SCOPES) scopeSets.clear();
      scopeSets.set(text, (scopes = parseScopes(text.split(' ').filter(Boolean))));
    }
    return scopes;
  };
  return (header) => {
    const { claims, error, isUntimely } = verifyIdentity(header(IDENTITY_HEADER), keys(), Date.now() / 1000);
    if (claims === undefined) {
      onRefused(error);
      // It came through the gateway and has waited here, as behind a process that stood still: the client has done nothing wrong.
      if (isUntimely)
        throw new FhirError('unavailable', 'the request has waited too long in this system: repeat it', {
          headers: { 'retry-after': '1' },
        });
      throw new FhirError('security', 'this server answers only requests that came through its gateway: use the public address');
    }
    const { sub, fpr, rid, scp, ops } = claims;
    return { client: sub, fingerprint: fpr || undefined, requestId: rid || undefined, scopes: scopesOf(scp), operations: ops };
  };
};

/** Lets everybody do everything: for a bare server on a developer's machine, never in front of patient data. */
export const noIdentity = (): Identify => {
  const identity: Identity = {
    client: 'anonymous',
    fingerprint: undefined,
    requestId: undefined,
    scopes: parseScopes(['system/*.cruds']),
    operations: ['*'],
  };
  return () => identity;
};

/** Throws 403 that names the scope to ask for. */
export const requireScope = ({ scopes }: Identity, resourceType: string, letter: ScopeLetter): void => {
  const missing = missingScope(scopes, resourceType, letter);
  if (missing !== undefined)
    throw new FhirError('forbidden', `this needs the scope ${missing}, which your client doesn't have: ask the operator for it`);
};
