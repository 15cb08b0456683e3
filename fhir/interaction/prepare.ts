import { FhirError, type Issue } from '../http/outcome.ts';
import { JsonSyntaxError, parseJson, requireStrict } from '../json/strict.ts';
import { isSubsetted } from '../presentation/subset.ts';
import type { Server } from '../server.ts';
import type { ValidationIssue } from '../validation/findings.ts';

/** A resource as it was sent, parsed and found valid. */
export interface Prepared {
  readonly type: string;
  readonly text: string;
  readonly resource: Readonly<Record<string, unknown>>;
}

/** The body as JSON; 400 with line and column where it isn't. */
export const parseBody = (text: string): unknown => asRefusal(() => parseJson(text));

/** The same refusal for a text that is too long to be made a value of as a whole. */
export const refuseBody = (text: string): void => asRefusal(() => requireStrict(text));

const asRefusal = <T>(read: () => T): T => {
  try {
    return read();
  } catch (error) {
    if (error instanceof JsonSyntaxError)
      throw new FhirError('structure', `the body is not valid JSON: ${error.message}`, { cause: error });
    throw error;
  }
};

const shown = (value: unknown): string => (typeof value === 'string' ? `"${value.slice(0, 60)}"` : `no string`);

/** Throws 400 naming each element that is wrong, 422 naming each rule of a profile that is broken; `at` precedes the element's path, as in `Bundle.entry[3].resource`. `text` is what it was read from. */
export const requireValid = (
  { validator }: Pick<Server, 'validator'>,
  value: unknown,
  type: string,
  { at, text }: { readonly at?: string; readonly text: string },
): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FhirError('structure', `a ${type} is a JSON object: send {"resourceType": "${type}", …}`, { expression: at });
  }
  const resource = value as Readonly<Record<string, unknown>>;
  if (resource['resourceType'] !== type) {
    throw new FhirError('invalid', `the body's resourceType is ${shown(resource['resourceType'])}, but this address takes a ${type}`, {
      expression: at === undefined ? `${type}.resourceType` : `${at}.resourceType`,
    });
  }
  const errors = validator.validate(resource, type, text).filter(isError);
  if (errors.length > 0) throw new FhirError('structure', errors[0]!.diagnostics, { issues: issuesAt(errors, at) });
  if (isSubsetted(resource)) {
    throw new FhirError(
      'unprocessable',
      `this ${type} is tagged SUBSETTED, so that it isn't all of it: read it without _summary and _elements, and send that back changed`,
      { expression: `${at ?? type}.meta.tag` },
    );
  }
  const broken = validator.rules(resource, type).filter(isError);
  if (broken.length > 0) throw new FhirError('unprocessable', broken[0]!.diagnostics, { issues: issuesAt(broken, at) });
  return resource;
};

const isError = ({ severity }: ValidationIssue): boolean => severity === 'error';

const issuesAt = (found: readonly ValidationIssue[], at: string | undefined): Issue[] =>
  found.map(({ severity, code, diagnostics, expression }) => ({
    severity,
    code,
    diagnostics,
    expression: at === undefined ? expression : expression.replace(/^\w+/, at),
  }));

export const prepare = (server: Pick<Server, 'validator'>, text: string, type: string): Prepared => {
  if (text.trim() === '') throw new FhirError('structure', `the body is empty: send the ${type} as JSON`);
  return { type, text, resource: requireValid(server, parseBody(text), type, { text }) };
};

/** Throws 400 unless the body carries the id of the address, as an update must. Source: http://hl7.org/fhir/R4/http.html#update */
export const requireSameId = ({ type, resource }: Pick<Prepared, 'type' | 'resource'>, id: string): void => {
  if (resource['id'] === id) return;
  throw new FhirError(
    'invalid',
    resource['id'] === undefined
      ? `the body has no id: an update of ${type}/${id} must carry "id": "${id}"`
      : `the body's id is ${shown(resource['id'])}, but the address says ${id}: they must be the same`,
    { expression: `${type}.id` },
  );
};
