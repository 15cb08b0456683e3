/** What is left, for the client: draft-ietf-httpapi-ratelimit-headers. */
import type { LimitState, QuotaDecision } from './engine.ts';

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** `RateLimit` and `RateLimit-Policy`; nothing where no limit is enforced. */
export const quotaHeaders = (states: readonly LimitState[]): Readonly<Record<string, string>> => {
  const shown = states.filter(({ limit }) => !limit.isShadow);
  if (shown.length === 0) return {};
  return {
    ratelimit: shown.map(({ limit, remaining, resetMs }) => `"${limit.name}";r=${remaining};t=${seconds(resetMs)}`).join(', '),
    'ratelimit-policy': shown.map(({ limit }) => `"${limit.name}";q=${limit.limit};w=${limit.periodMs / 1000}`).join(', '),
  };
};

/** How long to wait: as long as the slowest of the limits that refuse. */
export const retryAfterSeconds = (quota: Exclude<QuotaDecision, { kind: 'allowed' }>): number =>
  quota.kind === 'unavailable' ? 1 : seconds(Math.max(...quota.exceeded.map(({ resetMs }) => resetMs)));
