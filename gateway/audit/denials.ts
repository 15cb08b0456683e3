import { randomUUID } from 'node:crypto';
import { addressOf } from '../../proto/access/interaction.ts';
import { auditEvent } from '../../fhir/audit/event.ts';
import type { Outbox } from '../../fhir/audit/outbox.ts';
import type { Denial } from '../authz/decide.ts';

export interface DenialTrail {
  /** Resolves when the event is durable, or after a short time: a refusal must not hang on the database. */
  record(denial: Denial, about: { readonly requestId: string; readonly fingerprint: string | undefined }): Promise<void>;
  /** Events that wait for the database to come back. */
  waiting(): number;
  close(): Promise<void>;
}

export interface DenialTrailOptions {
  /** Undefined: no database is configured, and refusals are only counted. */
  readonly outbox: Outbox | undefined;
  readonly onLost: (count: number) => void;
  readonly waitMs?: number;
  readonly retryMs?: number;
  readonly maxWaiting?: number;
}

const KIND: Readonly<Record<string, 'auth' | 'throttle'>> = {
  'no-certificate': 'auth',
  'unknown-client': 'auth',
  quota: 'throttle',
  'quota-unavailable': 'throttle',
};
const COALESCE_MS = 1000;
const MAX_SOURCES = 10_000;

/**
 * The refusals of the edge in the audit trail. Those of a known client are kept one by one; those of strangers are one event per reason,
 * certificate and second, with a count, so that a flood of them can't fill the trail.
 */
export const createDenialTrail = ({
  outbox,
  onLost,
  waitMs = 200,
  retryMs = 1000,
  maxWaiting = 10_000,
}: DenialTrailOptions): DenialTrail => {
  let waiting: string[] = [];
  let retrying: NodeJS.Timeout | undefined;
  const counted = new Map<string, { count: number; readonly event: (count: number) => string }>();

  const append = async (body: string): Promise<void> => {
    if (outbox === undefined) return;
    try {
      await outbox.append(body);
    } catch {
      if (waiting.length >= maxWaiting) onLost(1);
      else waiting.push(body);
      retrying ??= setTimeout(retry, retryMs);
    }
  };
  const retry = (): void => {
    retrying = undefined;
    const again = waiting;
    waiting = [];
    for (const body of again) void append(body);
  };
  const shortly = async (stored: Promise<void>): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([stored, new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)))]);
    clearTimeout(timer);
  };

  return {
    record: async (denial, { requestId, fingerprint }) => {
      const { client, target, reason, status } = denial;
      const resource = target?.resourceType !== undefined && target.id !== undefined ? `${target.resourceType}/${target.id}` : undefined;
      const address = target === undefined ? undefined : addressOf(target);
      const event = (count?: number): string =>
        auditEvent({
          id: randomUUID(),
          at: new Date().toISOString(),
          kind: KIND[reason] ?? 'deny',
          action: 'E',
          outcome: 4,
          status,
          request: requestId,
          client: client?.id ?? 'unknown',
          ...(fingerprint !== undefined && { fingerprint }),
          interaction: target?.interaction ?? 'unknown',
          ...(resource !== undefined && { resource }),
          ...(address !== undefined && address !== resource && { address }),
          reason,
          ...(count !== undefined && { count }),
        });
      if (client !== undefined) return shortly(append(event()));
      const source = `${reason} ${fingerprint ?? ''}`;
      const known = counted.get(source);
      if (known !== undefined) {
        known.count++;
        return undefined;
      }
      if (counted.size >= MAX_SOURCES) {
        onLost(1);
        return undefined;
      }
      const more = { count: 0, event };
      counted.set(source, more);
      setTimeout(() => {
        counted.delete(source);
        if (more.count > 0) void append(more.event(more.count));
      }, COALESCE_MS);
      return shortly(append(event(1)));
    },
    waiting: () => waiting.length,
    close: async () => {
      clearTimeout(retrying);
      for (const { count, event } of counted.values()) if (count > 0) await append(event(count));
      counted.clear();
      await Promise.all(waiting.map((body) => outbox?.append(body).catch(() => onLost(1))));
      await outbox?.close();
    },
  };
};
