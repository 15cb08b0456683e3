/** What the server said to one request. */
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

export type Verdict =
  | { readonly kind: 'stored' }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Nothing was done; ask again after waitMs. */
  | { readonly kind: 'throttled'; readonly waitMs: number }
  /** Whether it was done isn't known; look, or ask again, after waitMs. */
  | { readonly kind: 'unclear'; readonly waitMs: number; readonly reason: string };

interface Issue {
  readonly severity?: string;
  readonly diagnostics?: string;
  readonly details?: { readonly text?: string };
  readonly expression?: readonly string[];
}
interface Outcome {
  readonly resourceType?: string;
  readonly issue?: readonly Issue[];
  readonly entry?: readonly { readonly response?: { readonly status?: string; readonly outcome?: Outcome } }[];
}

const issueText = ({ expression, diagnostics, details }: Issue): string =>
  [expression?.[0], diagnostics ?? details?.text].filter((part) => part !== undefined).join(': ');

const outcomeText = (outcome: Outcome | undefined): string =>
  (outcome?.issue ?? [])
    .filter(({ severity }) => severity === 'error' || severity === 'fatal')
    .slice(0, 3)
    .map(issueText)
    .join('; ');

const parsed = (body: string): Outcome | undefined => {
  try {
    return JSON.parse(body) as Outcome;
  } catch {
    return undefined;
  }
};

/** Milliseconds that a Retry-After value asks to wait, in seconds or as a date. Source: RFC 9110, 10.2.3 */
export const retryAfterMs = (value: string | undefined, now: number): number | undefined => {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
};

const refusedEntries = (bundle: Outcome | undefined): string[] =>
  (bundle?.entry ?? []).flatMap(({ response }, index) =>
    /^2\d\d/.test(response?.status ?? '')
      ? []
      : [`entry ${index}: ${response?.status ?? 'no status'} ${outcomeText(response?.outcome)}`.trim()],
  );

/** Reads a 200: a batch answers 200 for the whole and tells in each entry whether that one was stored. */
const readSuccess = (body: string): Verdict => {
  const bundle = parsed(body);
  if (bundle?.resourceType !== 'Bundle') return { kind: 'refused', reason: 'the answer is 200 but no Bundle' };
  const refused = refusedEntries(bundle);
  if (refused.length === 0) return { kind: 'stored' };
  const more = refused.length > 3 ? ` and ${refused.length - 3} more` : '';
  return { kind: 'refused', reason: `${refused.length} of its entries refused: ${refused.slice(0, 3).join('; ')}${more}` };
};

/** Decides what an answer to a Bundle means; `attempt` counts from 0 and doubles the wait where the server names none. */
export const readAnswer = (answer: Answer, { attempt, now }: { attempt: number; now: number }): Verdict => {
  const { status, retryAfter, body } = answer;
  if (status === 200) return readSuccess(body);
  const reason = `${status} ${outcomeText(parsed(body)) || 'without an OperationOutcome'}`;
  const waitMs = retryAfterMs(retryAfter, now) ?? Math.min(30_000, 500 * 2 ** attempt);
  if (status === 429) return { kind: 'throttled', waitMs };
  if (status === 502 || status === 503 || status === 504) return { kind: 'unclear', waitMs, reason };
  return { kind: 'refused', reason };
};
