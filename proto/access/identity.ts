/**
 * The signed identity that the gateway adds to a request and the FHIR server demands, so that a way around Envoy leads nowhere.
 * Header `x-fhir-identity: v1.<kid>.<base64url of the claims' JSON>.<base64url of HMAC-SHA256 over what precedes it>`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IdentityKey, IdentityKeys } from './identity-keys.ts';

export const IDENTITY_HEADER = 'x-fhir-identity';
/** Seconds; a longer life is refused by the verifier, whoever signed it. */
export const IDENTITY_MAX_LIFE = 30;
const CLOCK_SKEW = 5;
const MAX_HEADER = 8192;

export interface IdentityClaims {
  /** Client id. */
  readonly sub: string;
  /** Scopes, separated by spaces. */
  readonly scp: string;
  /** Operations by name with `$`, or `*`. */
  readonly ops: readonly string[];
  /** SHA-256 of the client's certificate, hex. */
  readonly fpr: string;
  /** Version of the policy that decided. */
  readonly pol: string;
  /** Request id. */
  readonly rid: string;
  /** Unix seconds. */
  readonly iat: number;
  readonly exp: number;
}

export const signIdentity = (claims: IdentityClaims, key: IdentityKey): string =>
  sealIdentity(Buffer.from(JSON.stringify(claims)).toString('base64url'), key);

/** Signs claims that are base64url already: who signs often keeps the unchanging part of them encoded. */
export const sealIdentity = (payload: string, key: IdentityKey): string => {
  const signed = `v1.${key.kid}.${payload}`;
  return `${signed}.${createHmac('sha256', key.secret).update(signed).digest('base64url')}`;
};

export type VerifiedIdentity =
  | { readonly claims: IdentityClaims; readonly error?: never; readonly isUntimely?: never }
  /** `isUntimely`: it is authentic, and too old or too new. */
  | { readonly error: string; readonly isUntimely?: true; readonly claims?: never };

const isClaims = (value: unknown): value is IdentityClaims => {
  if (typeof value !== 'object' || value === null) return false;
  const { sub, scp, ops, fpr, pol, rid, iat, exp } = value as Record<string, unknown>;
  return (
    [sub, scp, fpr, pol, rid].every((text) => typeof text === 'string') &&
    Array.isArray(ops) &&
    ops.every((name) => typeof name === 'string') &&
    Number.isSafeInteger(iat) &&
    Number.isSafeInteger(exp)
  );
};

/** The claims where the header is authentic and fresh, or the reason why it is not (for the log, never for the client). */
export const verifyIdentity = (header: string | undefined, keys: IdentityKeys, nowSeconds: number): VerifiedIdentity => {
  if (header === undefined || header === '') return { error: 'no identity header' };
  if (header.length > MAX_HEADER) return { error: 'identity header too long' };
  const [version, kid, payload, mac, rest] = header.split('.', 5);
  if (version !== 'v1' || !kid || !payload || !mac || rest !== undefined) return { error: 'identity header malformed' };
  const key = keys.find((candidate) => candidate.kid === kid);
  if (key === undefined) return { error: 'identity signed by an unknown key' };
  const expected = createHmac('sha256', key.secret)
    .update(header.slice(0, header.length - mac.length - 1))
    .digest();
  const given = Buffer.from(mac, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { error: 'identity signature wrong' };
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return { error: 'identity claims malformed' };
  }
  if (!isClaims(claims)) return { error: 'identity claims incomplete' };
  if (claims.exp <= nowSeconds) return { error: 'identity expired', isUntimely: true };
  if (claims.iat > nowSeconds + CLOCK_SKEW) return { error: 'identity issued in the future: do the clocks agree?', isUntimely: true };
  if (claims.exp - claims.iat > IDENTITY_MAX_LIFE) return { error: 'identity lives too long' };
  return { claims };
};
