/**
 * The one error type of the FHIR server and the one table from kind to HTTP status and issue type.
 * Source: http://hl7.org/fhir/R4/http.html#Status-Codes, http://hl7.org/fhir/R4/valueset-issue-type.html
 */

import type { Classified } from '../../proto/access/interaction.ts';

/** kind → [HTTP status, OperationOutcome.issue.code] */
const KINDS = {
  invalid: [400, 'invalid'],
  structure: [400, 'structure'],
  value: [400, 'value'],
  'not-supported': [400, 'not-supported'],
  security: [401, 'security'],
  forbidden: [403, 'forbidden'],
  'not-found': [404, 'not-found'],
  'unknown-type': [404, 'not-supported'],
  'unknown-operation': [404, 'not-supported'],
  'method-not-allowed': [405, 'not-supported'],
  'not-acceptable': [406, 'not-supported'],
  conflict: [409, 'conflict'],
  deleted: [410, 'deleted'],
  precondition: [412, 'conflict'],
  'multiple-matches': [412, 'multiple-matches'],
  'too-large': [413, 'too-long'],
  'too-costly': [413, 'too-costly'],
  'unsupported-media-type': [415, 'not-supported'],
  unprocessable: [422, 'processing'],
  'invalid-resource': [422, 'invalid'],
  throttled: [429, 'throttled'],
  exception: [500, 'exception'],
  'not-implemented': [501, 'not-supported'],
  unavailable: [503, 'transient'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorKind = keyof typeof KINDS;

export interface Issue {
  readonly severity: 'fatal' | 'error' | 'warning' | 'information';
  readonly code: string;
  readonly diagnostics: string;
  /** FHIRPath of the element, or `http.<header or parameter>`. */
  readonly expression?: string | undefined;
}

export interface ErrorDetail {
  readonly expression?: string | undefined;
  readonly cause?: unknown;
  /** Replaces the single issue made from the message. */
  readonly issues?: readonly Issue[];
  readonly headers?: Readonly<Record<string, string>>;
  /** What is refused, where that is a part of what was asked for. */
  readonly target?: Classified | undefined;
}

/** A refusal with its HTTP status and the issues that the OperationOutcome shall name. */
export class FhirError extends Error {
  readonly kind: ErrorKind;
  readonly status: number;
  readonly issues: readonly Issue[];
  readonly headers: Readonly<Record<string, string>>;
  readonly target: ErrorDetail['target'];

  constructor(kind: ErrorKind, diagnostics: string, detail: ErrorDetail = {}) {
    super(diagnostics, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'FhirError';
    this.kind = kind;
    this.status = KINDS[kind][0];
    this.issues = detail.issues ?? [{ severity: 'error', code: KINDS[kind][1], diagnostics, expression: detail.expression }];
    this.headers = detail.headers ?? {};
    this.target = detail.target;
  }
}

/** The OperationOutcome resource of some issues, as JSON text. Source: http://hl7.org/fhir/R4/operationoutcome.html */
export const outcomeText = (issues: readonly Issue[]): string =>
  JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: issues.map(({ severity, code, diagnostics, expression }) => ({
      severity,
      code,
      diagnostics,
      ...(expression === undefined ? {} : { expression: [expression] }),
    })),
  });
