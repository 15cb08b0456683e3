/** envoy.service.ratelimit.v3.RateLimitService: the same quotas for those who run Envoy's own rate limit filter. */
import { type Interaction, INTERACTION_CLASS } from '../../proto/access/interaction.ts';
import type { DenialTrail } from '../audit/denials.ts';
import type { Policy } from '../config/policy.ts';
import { GRPC_STATUS, GrpcError } from '../grpc/server.ts';
import { decodeRateLimitRequest, encodeRateLimitReply, type RateLimitReply } from '../protobuf/rate-limit.ts';
import { denialOf } from './denial.ts';
import type { QuotaDecision, QuotaEngine } from './engine.ts';
import { quotaHeaders, retryAfterSeconds } from './headers.ts';

export interface RateLimitOptions {
  readonly policy: () => Policy;
  readonly engine: QuotaEngine;
  readonly denials: DenialTrail;
}

/**
 * Descriptors have an entry `client` and an entry `class` or `interaction`, made from the metadata that Check sets. Without a client
 * there is nothing to count for: refused, since a descriptor that Envoy couldn't fill would else mean no limit at all. One more, `request`, is
 * the id by which a refusal is in the trail.
 */
export const createShouldRateLimit =
  ({ policy, engine, denials }: RateLimitOptions) =>
  async (bytes: Buffer): Promise<Buffer> => {
    const { descriptors } = decodeRateLimitRequest(bytes);
    const { registry, quotas } = policy();
    const replies: (RateLimitReply['descriptors'][number] & { headers: Record<string, string> })[] = [];
    for (const { entries, hits } of descriptors) {
      const client = registry.clients.get(entries.get('client') ?? '');
      if (client === undefined)
        throw new GrpcError(
          GRPC_STATUS.invalidArgument,
          'a descriptor names no registered client: does Check run before, and set its metadata?',
        );
      const given = entries.get('class') ?? '';
      const interactionClass = INTERACTION_CLASS[entries.get('interaction') ?? ''] ?? CLASSES.find((each) => each === given);
      if (interactionClass === undefined) throw new GrpcError(GRPC_STATUS.invalidArgument, 'a descriptor names no interaction');
      const quota = await engine.decide(client.id, quotas.applying(client.id, client.tier, interactionClass), hits);
      if (quota.kind !== 'allowed') {
        const target = { interaction: (entries.get('interaction') ?? 'unknown') as Interaction, class: interactionClass };
        await denials.record(denialOf(quota, { client, target }), {
          requestId: entries.get('request') ?? 'unknown',
          fingerprint: undefined,
        });
      }
      replies.push(replyOf(quota));
    }
    if (replies.length === 0) throw new GrpcError(GRPC_STATUS.invalidArgument, 'the request has no descriptor');
    return encodeRateLimitReply({
      isOver: replies.some(({ isOver }) => isOver),
      descriptors: replies,
      headers: Object.assign({}, ...replies.map(({ headers }) => headers)) as Record<string, string>,
    });
  };

const CLASSES = [...new Set(Object.values(INTERACTION_CLASS))];

const replyOf = (quota: QuotaDecision): RateLimitReply['descriptors'][number] & { headers: Record<string, string> } => {
  if (quota.kind === 'unavailable')
    throw new GrpcError(GRPC_STATUS.unavailable, `the quota ${quota.limit.name} can't be counted at the moment`);
  const isOver = quota.kind === 'exceeded';
  const remaining = quota.states.length === 0 ? 0xffff_ffff : Math.min(...quota.states.map((state) => state.remaining));
  const resetSeconds = isOver ? retryAfterSeconds(quota) : Math.ceil(Math.max(0, ...quota.states.map(({ resetMs }) => resetMs)) / 1000);
  return {
    isOver,
    remaining,
    resetSeconds,
    headers: { ...quotaHeaders(quota.states), ...(isOver && { 'retry-after': String(retryAfterSeconds(quota)) }) },
  };
};
