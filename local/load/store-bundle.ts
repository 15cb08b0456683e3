import { setTimeout as sleep } from 'node:timers/promises';
import { type Verdict, readAnswer } from './answer.ts';
import type { BundleFile } from './bundle-file.ts';
import type { Connection } from './connection.ts';
import type { Journal } from './journal.ts';
import type { Pace } from './pace.ts';

export interface Loading {
  readonly connection: Connection;
  readonly journal: Journal;
  readonly pace: Pace;
  /** Aborted by Ctrl-C: no waiting any more, and nothing is sent again. */
  readonly signal: AbortSignal;
}

export type LoadResult = { readonly kind: 'stored' | 'skipped' | 'left' } | { readonly kind: 'failed'; readonly reason: string };

const UNCLEAR_ATTEMPTS = 8;

/** Asks the server whether a transaction of unknown fate was stored; one entry found means all of it, since it is atomic. */
const wasStored = async (bundle: BundleFile, connection: Connection): Promise<boolean | undefined> => {
  if (bundle.trace === undefined) return undefined;
  const answer = await connection.get(bundle.trace).catch(() => undefined);
  if (answer?.status !== 200) return undefined;
  return ((JSON.parse(answer.body) as { entry?: unknown[] }).entry ?? []).length > 0;
};

const attemptOnce = async (bundle: BundleFile, connection: Connection, attempt: number): Promise<Verdict> => {
  try {
    return readAnswer(await connection.post(bundle.text), { attempt, now: Date.now() });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { kind: 'unclear', waitMs: Math.min(30_000, 500 * 2 ** attempt), reason: code ?? message };
  }
};

/**
 * Sends one Bundle until it is stored or refused. What was sent without an answer is looked for before it is sent again,
 * so that a lost connection or a killed loader doesn't store a patient twice.
 */
export const storeBundle = async (bundle: BundleFile, loading: Loading): Promise<LoadResult> => {
  const { connection, journal, pace, signal } = loading;
  const stored = (kind: 'stored' | 'skipped'): LoadResult => {
    journal.record(bundle.sha256, 'stored', bundle.path);
    return { kind };
  };
  let unsure = !bundle.repeatable && journal.statusOf(bundle.sha256) === 'begun';
  let reason = 'an earlier run sent it and saw no answer';
  for (let attempt = 0; attempt < UNCLEAR_ATTEMPTS;) {
    await pace.ready(signal);
    if (signal.aborted) return { kind: 'left' };
    if (unsure) {
      const found = await wasStored(bundle, connection);
      if (found === true) return stored('skipped');
      if (found === undefined && bundle.trace === undefined) {
        return { kind: 'failed', reason: `${reason}; it holds no identifier to look for: see whether it is there, then load with --again` };
      }
      unsure = found === undefined;
    }
    if (!unsure) {
      journal.record(bundle.sha256, 'begun', bundle.path);
      const verdict = await attemptOnce(bundle, connection, attempt);
      if (verdict.kind === 'stored') return stored('stored');
      if (verdict.kind === 'refused') return { kind: 'failed', reason: verdict.reason };
      if (verdict.kind === 'throttled') {
        if (!pace.pause(verdict.waitMs))
          return { kind: 'failed', reason: `the quota is used up for ${Math.ceil(verdict.waitMs / 1000)} s` };
        continue;
      }
      unsure = !bundle.repeatable;
      reason = verdict.reason;
      await sleep(verdict.waitMs, undefined, { signal }).catch(() => undefined);
    } else {
      await sleep(Math.min(30_000, 500 * 2 ** attempt), undefined, { signal }).catch(() => undefined);
    }
    attempt += 1;
  }
  return { kind: 'failed', reason: `gave up after ${UNCLEAR_ATTEMPTS} attempts: ${reason}` };
};
