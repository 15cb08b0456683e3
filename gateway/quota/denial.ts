import type { Denial } from '../authz/decide.ts';
import type { Client } from '../clients/registry.ts';
import type { QuotaDecision } from './engine.ts';
import { retryAfterSeconds } from './headers.ts';

interface Asked {
  readonly client: Client;
  readonly target: NonNullable<Denial['target']>;
}

/** What a request is refused with that has no quota left, or whose quota can't be counted. */
export const denialOf = (quota: Exclude<QuotaDecision, { kind: 'allowed' }>, { client, target }: Asked): Denial => {
  if (quota.kind === 'unavailable') {
    const diagnostics = `The quota ${quota.limit.name} can't be counted at the moment, and it is set to refuse then: retry later`;
    return { reason: 'quota-unavailable', status: 503, code: 'transient', diagnostics, client, target };
  }
  const named = quota.exceeded.map(({ limit: { name, limit, periodMs } }) => `${name} (${limit} in ${periodMs / 1000} s)`).join(', ');
  const diagnostics = `The client ${client.id} has used up its quota ${named}: retry after ${retryAfterSeconds(quota)} s`;
  return { reason: 'quota', status: 429, code: 'throttled', diagnostics, client, target };
};
