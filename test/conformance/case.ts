/** The form in which the cases of conformance are written: requests and what R4 demands of their answers. */

export interface Expectation {
  /** One, or those that the specification leaves open. */
  readonly status?: number | readonly number[];
  /** A text must be equal, an expression must match; null: the header must not be there. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  /** Logical ids of the matches of a Bundle, in any order. */
  readonly ids?: readonly string[];
  /** The same, in this order. */
  readonly order?: readonly string[];
  /** Logical ids of what a search includes, in any order. */
  readonly included?: readonly string[];
  /**
   * Path in the body → value, such as `entry.0.response.status`: a text or number must be equal, an expression must match, undefined: nothing
   * there. `#` after a path is the length of an array.
   */
  readonly has?: Readonly<Record<string, unknown>>;
  /** The whole body, as JSON; `meta` aside. */
  readonly body?: object;
  readonly text?: RegExp;
  /** The code of an issue of an OperationOutcome. */
  readonly issue?: string | readonly string[];
}

export interface Step {
  /** `GET /Patient/a`; what is in braces was saved before: `GET /Patient/{id}`. A whole address stays as it is. */
  readonly send: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string;
  /** Certificate of another client than ehr-demo. */
  readonly client?: string;
  readonly expect?: Expectation;
  /** name → path in the body, or `header:name`: for later steps. */
  readonly save?: Readonly<Record<string, string>>;
}

export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Why it isn't met by now; such a failure is listed, and is no fault of the run. */
  readonly gap?: string;
}

export interface Area {
  readonly area: string;
  /** Where R4 says so. */
  readonly spec: string;
  /** Resources with ids that are put before the cases. */
  readonly given?: readonly object[];
  readonly cases: readonly Case[];
}

export const TAG = 'urn:portcullis:conformance';

/** A resource that the cases of one area can find apart from all others: `_tag=…|area`. */
export const tagged = (area: string, resourceType: string, id: string, more: object = {}): object => ({
  resourceType,
  id,
  meta: { tag: [{ system: TAG, code: area }] },
  ...more,
});

export const one = (name: string, step: Step, gap?: string): Case => ({ name, steps: [step], ...(gap && { gap }) });

/** A search of the resources of an area, and the ids it must find. */
export const finds = (area: string, query: string, ids: readonly string[], gap?: string): Case =>
  one(query, { send: `GET /${query}${query.includes('?') ? '&' : '?'}_tag=${TAG}|${area}`, expect: { status: 200, ids } }, gap);

/** The same, in order. */
export const sorts = (area: string, query: string, order: readonly string[], gap?: string): Case =>
  one(query, { send: `GET /${query}&_tag=${TAG}|${area}`, expect: { status: 200, order } }, gap);

/** A request that must be refused with an OperationOutcome. */
export const refuses = (name: string, send: string, status: number | readonly number[], more: Partial<Step> = {}): Case =>
  one(name, { send, expect: { status, has: { resourceType: 'OperationOutcome', 'issue.0.severity': /fatal|error/ } }, ...more });
