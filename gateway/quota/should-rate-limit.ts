/** envoy.service.ratelimit.v3.RateLimitService: the same quotas for those who run Envoy's own rate limit filter. */
import { INTERACTION_CLASS } from '../../proto/access/interaction.ts';
import type { Policy } from '../config/policy.ts';
import { GRPC_STATUS, GrpcError } from '../grpc/server.ts';
import { decodeRateLimitRequest, encodeRateLimitReply, type RateLimitReply } from '../protobuf/rate-limit.ts';
import type { QuotaDecision, QuotaEngine } from './engine.ts';
import { quotaHeaders, retryAfterSeconds } from './headers.ts';

export interface RateLimitOptions {
  readonly policy: () => Policy;
  readonly engine: QuotaEngine;
}

/**
 * Descriptors have an entry `client` and an entry `class` or `interaction`, made from the metadata that Check sets. Without a client
 * there is nothing to count for: refused, since a descriptor that Envoy couldn't fill would else mean no limit at all.
 */
export const createShouldRateLimit =
  ({ policy, engine }: RateLimitOptions) =>
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
      replies.push(replyOf(await engine.decide(client.id, quotas.applying(client.id, client.tier, interactionClass), hits)));
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
