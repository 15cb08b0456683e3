import { FhirError } from '../http/outcome.ts';
import { dateInterval } from '../search/parameter/date.ts';
import { type OperationParameter, textParameter } from './parameters.ts';

const MINUTE_MS = 60_000;
/** So long ago a client's "now" may be, by its clock. */
const PAST_MS = 10 * MINUTE_MS;
/** And so far ahead, where its day has begun already. */
const AHEAD_MS = 14 * 60 * MINUTE_MS;

/** Throws 400 where definitions are asked for as they were at another time: there are those of now alone. */
export const requireNow = (parameters: readonly OperationParameter[], nowMs: number): void => {
  const text = textParameter(parameters, 'date');
  if (text === undefined) return;
  const found = dateInterval(text.replace(' ', '+'));
  if (found === undefined)
    throw new FhirError('value', `date=${text.slice(0, 60)} is no date, such as 2024-01-31`, { expression: 'http.date' });
  if (found.hi > nowMs - PAST_MS && found.lo < nowMs + AHEAD_MS) return;
  throw new FhirError(
    'not-supported',
    `date=${text.slice(0, 60)}: this server knows definitions as they are now: leave date out, or name the version that was valid then`,
    { expression: 'http.date' },
  );
};
