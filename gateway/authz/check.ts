/** envoy.service.auth.v3.Authorization: one question per request, which decides identity, scope and quota together. */
import { IDENTITY_HEADER, sealIdentity } from '../../proto/access/identity.ts';
import type { IdentityKeys } from '../../proto/access/identity-keys.ts';
import type { DenialTrail } from '../audit/denials.ts';
import type { Client } from '../clients/registry.ts';
import type { Policy } from '../config/policy.ts';
import { acceptOf, type CheckRequest, decodeCheckRequest, encodeAllowed, encodeDenied, type Headers } from '../protobuf/check.ts';
import type { QuotaDecision, QuotaEngine } from '../quota/engine.ts';
import { denialOf } from '../quota/denial.ts';
import { quotaHeaders, retryAfterSeconds } from '../quota/headers.ts';
import { createCredentialReader } from './credential.ts';
import { decide, type Decision, type Denial } from './decide.ts';
import { inJson, inXml, isXmlWanted } from './outcome.ts';

export interface CheckOptions {
  readonly policy: () => Policy;
  readonly engine: QuotaEngine;
  /** Whether quota is decided here; otherwise Envoy's rate limit filter asks on its own. */
  readonly withQuota: boolean;
  readonly keys: () => IdentityKeys;
  readonly denials: DenialTrail;
  readonly onDecision: (outcome: string) => void;
}

type Allowed = Exclude<Decision, Denial>;
/** With the message that it was read from: what only a refusal needs is read from there. */
type Asked = CheckRequest & { readonly bytes: Buffer };

/** Seconds that a signed identity lives: longer than Envoy may take to hand the request on. */
const IDENTITY_LIFE = 20;
const COST = 1;

export const createCheck = ({
  policy,
  engine,
  withQuota,
  keys,
  denials,
  onDecision,
}: CheckOptions): ((request: Buffer) => Buffer | Promise<Buffer>) => {
  const readCredential = createCredentialReader();
  // The part of the claims that stays the same from request to request, as JSON without its closing brace.
  const claimsOf = new WeakMap<Client, Map<string, string>>();

  const identity = (client: Client, fingerprint: string, { requestId }: CheckRequest, version: string): string => {
    let byFingerprint = claimsOf.get(client);
    if (byFingerprint === undefined) claimsOf.set(client, (byFingerprint = new Map()));
    let claims = byFingerprint.get(fingerprint);
    if (claims === undefined) {
      if (byFingerprint.size > 100) byFingerprint.clear();
      const { id: sub, scopeText: scp, operations: ops } = client;
      byFingerprint.set(fingerprint, (claims = JSON.stringify({ sub, scp, ops, fpr: fingerprint, pol: version }).slice(0, -1)));
    }
    const now = Math.floor(Date.now() / 1000);
    const payload = `${claims},"rid":${JSON.stringify(requestId)},"iat":${now},"exp":${now + IDENTITY_LIFE}}`;
    return sealIdentity(Buffer.from(payload).toString('base64url'), keys()[0]);
  };

  const allow = (
    request: CheckRequest,
    { client, target }: Allowed,
    { version, fingerprint }: { version: string; fingerprint: string },
    headers: Headers,
  ): Buffer => {
    onDecision('allowed');
    return encodeAllowed({
      headers: { [IDENTITY_HEADER]: identity(client, fingerprint, request, version) },
      responseHeaders: headers,
      metadata: { client_id: client.id, interaction: target.interaction, class: target.class, cost: COST },
    });
  };

  const deny = async (request: Asked, denial: Denial, fingerprint: string | undefined, headers: Headers = {}): Promise<Buffer> => {
    onDecision(denial.reason);
    await denials.record(denial, { requestId: request.requestId, fingerprint });
    const { contentType, text } = (isXmlWanted(acceptOf(request.bytes), request.path) ? inXml : inJson)(denial);
    return encodeDenied({
      status: denial.status,
      headers: { 'content-type': contentType, ...denial.headers, ...headers },
      body: text,
      metadata: {
        client_id: denial.client?.id ?? '',
        interaction: denial.target?.interaction ?? 'unknown',
        class: denial.target?.class ?? 'unknown',
        cost: COST,
      },
    });
  };

  return (bytes) => {
    const request = { ...decodeCheckRequest(bytes), bytes };
    const credential = request.certificate === '' ? undefined : readCredential(request.certificate);
    const { registry, quotas, version } = policy();
    const decision = decide({ credential, method: request.method, path: request.path }, registry, Date.now());
    if ('reason' in decision) return deny(request, decision, credential?.sha256);
    const { client, target } = decision;
    const known = { version, fingerprint: credential!.sha256 };
    const limits = withQuota ? quotas.applying(client.id, client.tier, target.class) : [];
    const finish = (quota: QuotaDecision): Buffer | Promise<Buffer> => {
      if (quota.kind === 'allowed') return allow(request, decision, known, quotaHeaders(quota.states));
      const denial = denialOf(quota, decision);
      return deny(request, denial, known.fingerprint, {
        ...(quota.kind === 'exceeded' && quotaHeaders(quota.states)),
        'retry-after': String(retryAfterSeconds(quota)),
      });
    };
    const quota = engine.decide(client.id, limits, COST);
    return quota instanceof Promise ? quota.then(finish) : finish(quota);
  };
};
