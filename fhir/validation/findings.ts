import type { WrittenNumbers } from './written-number.ts';

export interface ValidationIssue {
  readonly severity: 'error' | 'warning' | 'information';
  /** Of http://hl7.org/fhir/R4/valueset-issue-type.html */
  readonly code: 'structure' | 'required' | 'value' | 'code-invalid' | 'invariant' | 'not-supported' | 'not-found' | 'informational';
  /** FHIRPath of the element, such as `Patient.name[0].family`. */
  readonly expression: string;
  readonly diagnostics: string;
}

export const MAX_ISSUES = 100;

/** Where the walk through a resource is, and what it has found. */
export class Findings {
  readonly issues: ValidationIssue[] = [];
  readonly path: (string | number)[];
  /** The local references (`#id`) of the resource that the walk is in, and where a Reference holds them; see contained.ts. */
  fragments: Map<string, string | undefined> | undefined;
  /** Those of References that may lead to some types only, and where they are. */
  readonly narrow: { readonly fragment: string; readonly at: string; readonly targets: readonly string[] }[] = [];
  /** Which of the contained resources the walk is in. */
  contained: number | undefined;
  /** Those that refer to their container by `#`. */
  readonly toContainer = new Set<number>();

  /** How the numbers of the resource are written; without it their values alone are judged. */
  readonly written: WrittenNumbers | undefined;
  /** Nothing but errors is asked for, as on a write. */
  readonly onlyErrors: boolean;
  /** A required binding could not be gone by, since what it names isn't loaded. */
  isOpen = false;

  constructor(type: string, onlyErrors = false, written?: WrittenNumbers) {
    this.path = [type];
    this.written = written;
    this.onlyErrors = onlyErrors;
  }

  /** An error; `element` is below where the walk is. */
  add(code: ValidationIssue['code'], diagnostics: string, element?: string): void {
    this.report('error', code, diagnostics, element);
  }

  report(severity: ValidationIssue['severity'], code: ValidationIssue['code'], diagnostics: string, element?: string): void {
    if (this.issues.length >= MAX_ISSUES || (this.onlyErrors && severity !== 'error')) return;
    this.reportAt(pathText(element === undefined ? this.path : [...this.path, element]), severity, code, diagnostics);
  }

  reportAt(expression: string, severity: ValidationIssue['severity'], code: ValidationIssue['code'], diagnostics: string): void {
    if (this.issues.length < MAX_ISSUES) this.issues.push({ severity, code, expression, diagnostics: `${expression}: ${diagnostics}` });
  }

  /** Notes a local reference: of a Reference, which must resolve, or of a URI, which may mean something else. */
  fragment(reference: string, isReference: boolean, targets: readonly string[] = []): void {
    this.fragments ??= new Map();
    this.fragments.set(reference, this.fragments.get(reference) ?? (isReference ? pathText(this.path) : undefined));
    if (targets.length > 0 && reference !== '#') this.narrow.push({ fragment: reference, at: pathText(this.path), targets });
    if (reference === '#' && this.contained !== undefined) this.toContainer.add(this.contained);
  }
}

export const pathText = (path: readonly (string | number)[]): string => {
  let text = '';
  for (const step of path) text += typeof step === 'number' ? `[${step}]` : text === '' ? step : `.${step}`;
  return text;
};

/** Says what is wrong with a value, if something is. */
export type Check = (value: unknown, findings: Findings) => void;

/** A value as it may be quoted to who sent it. */
export const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? 'nothing';
