/** Whether an answer is as expected. */
import type { Answer } from '../support/stack.ts';
import type { Expectation } from './case.ts';

type Json = any; // oxlint-disable-line typescript/no-explicit-any -- answers of any shape are looked into

export const at = (value: Json, path: string): unknown => {
  let current: Json = value;
  for (const step of path.split('.')) {
    if (step === '#') return Array.isArray(current) ? current.length : 0;
    current = current?.[step];
  }
  return current;
};

const shown = (value: unknown): string => (value instanceof RegExp ? String(value) : (JSON.stringify(value)?.slice(0, 160) ?? 'nothing'));

const fits = (value: unknown, expected: unknown): boolean => {
  if (expected instanceof RegExp) return value !== undefined && expected.test(typeof value === 'string' ? value : JSON.stringify(value));
  return isSame(value, expected);
};

/** Deep equality in which the order of an object's members doesn't count. */
export const isSame = (a: Json, b: Json): boolean => {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [inA, inB] = [Object.keys(a), Object.keys(b)];
  return inA.length === inB.length && inA.every((key) => key in b && isSame(a[key], b[key]));
};

const idsOf = (bundle: Json, ...modes: readonly (string | undefined)[]): string[] =>
  (bundle?.entry ?? []).filter((entry: Json) => modes.includes(entry.search?.mode)).map((entry: Json) => String(entry.resource?.id));

const sorted = (ids: readonly string[]): string[] => [...ids].sort();

/** What is wrong with the answer, each in words; empty where nothing is. */
export const faultsOf = ({ status, headers, text, json }: Answer, expected: Expectation): string[] => {
  const faults: string[] = [];
  const expect = (isRight: boolean, what: string): void => {
    if (!isRight) faults.push(what);
  };
  if (expected.status !== undefined) {
    const allowed = [expected.status].flat();
    expect(allowed.includes(status), `status ${status} instead of ${allowed.join(' or ')}`);
  }
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    const header = headers[name] === undefined ? undefined : String(headers[name]);
    expect(value === null ? header === undefined : fits(header, value), `header ${name} is ${shown(header)} instead of ${shown(value)}`);
  }
  if (expected.ids !== undefined) {
    const found = sorted(idsOf(json, 'match', undefined));
    expect(isSame(found, sorted(expected.ids)), `finds ${shown(found)} instead of ${shown(sorted(expected.ids))}`);
  }
  if (expected.order !== undefined) {
    const found = idsOf(json, 'match', undefined);
    expect(isSame(found, expected.order), `finds ${shown(found)} instead of ${shown(expected.order)} in this order`);
  }
  if (expected.included !== undefined) {
    const found = sorted(idsOf(json, 'include'));
    expect(isSame(found, sorted(expected.included)), `includes ${shown(found)} instead of ${shown(sorted(expected.included))}`);
  }
  for (const [path, value] of Object.entries(expected.has ?? {})) {
    expect(fits(at(json, path), value), `${path} is ${shown(at(json, path))} instead of ${shown(value)}`);
  }
  if (expected.body !== undefined) {
    const { meta: _, ...rest } = json ?? {};
    expect(isSame(rest, expected.body), `the body is ${shown(rest)} instead of ${shown(expected.body)}`);
  }
  if (expected.text !== undefined) expect(expected.text.test(text), `the body doesn't match ${expected.text}`);
  if (expected.issue !== undefined) {
    const allowed = [expected.issue].flat();
    const codes: string[] = (json?.issue ?? []).map((issue: Json) => issue.code);
    expect(
      codes.some((code) => allowed.includes(code)),
      `issue codes are ${shown(codes)} instead of ${allowed.join(' or ')}`,
    );
  }
  // Why it was refused helps whoever reads this.
  const why = at(json, 'issue.0.diagnostics') ?? at(json, 'issue.0.details.text');
  if (faults.length > 0 && typeof why === 'string') faults.push(`the server says: ${why.slice(0, 200)}`);
  return faults;
};
