import type { Activity } from './admin.ts';

export interface DrainLimits {
  /** Nothing ends before: meanwhile the removal of this address spreads, and whoever hasn't heard of it still comes. */
  readonly delayMs: number;
  /** From then on connections without a request are no reason to wait. */
  readonly idleMs: number;
  /** The end, whatever is open. */
  readonly limitMs: number;
}

export interface DrainState extends Activity {
  readonly elapsedMs: number;
  /** How long no request has been active. */
  readonly quietMs: number;
}

const QUIET_MS = 1000;

/** Whether Envoy may end, and why; undefined while it may not. */
export const drained = (
  { elapsedMs, quietMs, connections }: DrainState,
  { delayMs, idleMs, limitMs }: DrainLimits,
): 'empty' | 'idle' | 'limit' | undefined => {
  if (elapsedMs >= limitMs) return 'limit';
  if (elapsedMs < delayMs) return undefined;
  if (connections === 0) return 'empty';
  return elapsedMs >= idleMs && quietMs >= QUIET_MS ? 'idle' : undefined;
};
