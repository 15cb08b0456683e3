/** What the database's refusals mean; the one place that knows SQLSTATEs. Source: PostgreSQL manual, appendix A. */
import { FhirError } from '../http/outcome.ts';

/** Raised by fhir.require_current: a resource isn't at the version that a write was computed from. */
const STALE = 'PC409';
/** Raised by fhir.refuse_old_plan: rows were worked out by search parameters that have changed since. */
const OLD_PLAN = 'PC410';
const RETRYABLE = new Set([STALE, OLD_PLAN, '40001', '40P01']);

const stateOf = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
};

/** Nothing was stored and the same thing done again from the start may work: the resource moved on, or a deadlock was broken. */
export const isRetryable = (error: unknown): boolean => RETRYABLE.has(stateOf(error) ?? '');

export const isStale = (error: unknown): boolean => stateOf(error) === STALE;

/** The server itself refused, so that nothing of the transaction was stored. */
export const isRefusal = (error: unknown): boolean => /^[0-9A-Z]{5}$/.test(stateOf(error) ?? '');

/** A lock wasn't to be had within `lock_timeout`. */
export const isLockTimeout = (error: unknown): boolean => stateOf(error) === '55P03';

/** Class 22: a value that the database can't hold or compare, such as a text with U+0000. */
export const isDataException = (error: unknown): boolean => /^22...$/.test(stateOf(error) ?? '');

/** The refusal to show to a client, or undefined for a fault of ours. */
export const asFhirError = (error: unknown): FhirError | undefined => {
  const state = stateOf(error) ?? '';
  if (state === OLD_PLAN) {
    return new FhirError('unavailable', 'this process is about to learn of a changed search parameter: repeat the write in a second', {
      cause: error,
      headers: { 'retry-after': '1' },
    });
  }
  if (RETRYABLE.has(state)) {
    return new FhirError('conflict', 'others are writing the same resource right now: read it again and repeat the change', {
      cause: error,
    });
  }
  if (isDataException(error)) {
    return new FhirError('value', 'a value is out of what can be stored or compared: check numbers, dates, and texts with U+0000', {
      cause: error,
    });
  }
  if (state === '57014') {
    return new FhirError('unavailable', 'the database took too long: narrow the search, or repeat it later', {
      cause: error,
      headers: { 'retry-after': '5' },
    });
  }
  // Class 53: out of resources; 57P: shut down; 25006: it only reads, a standby or what was the primary; 08 and names with letters only: the connection.
  if (/^(53|57P|08|25006)/.test(state) || /^(CONNECTION_|CONNECT_|ECONN|EPIPE|ENOENT|ENOTFOUND|ETIMEDOUT)/.test(state)) {
    return new FhirError('unavailable', 'the database does not answer: repeat the request later', {
      cause: error,
      headers: { 'retry-after': '1' },
    });
  }
  return undefined;
};
