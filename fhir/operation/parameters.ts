/** What an operation is asked with. Source: http://hl7.org/fhir/R4/operations.html#request */
import type { Call } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { parseBody } from '../interaction/prepare.ts';
import { elements, members } from '../json/text.ts';
import { isObject, type Json } from '../json/value.ts';
import { decodeQuery } from '../search/parse.ts';

/** One parameter: from the address as text, from a Parameters resource with whatever value[x], resource or parts it has. */
export interface OperationParameter {
  readonly name: string;
  /** The value[x]; a text where it comes from the address. */
  readonly value: unknown;
  readonly resource: Json | undefined;
  /** The resource as it was sent, where the parameter is part of no other one. */
  readonly text?: (() => string | undefined) | undefined;
  readonly parts: readonly OperationParameter[];
}

const fromPart = (part: unknown, at: string): OperationParameter => {
  if (!isObject(part) || typeof part['name'] !== 'string') throw new FhirError('structure', `${at} has no name`, { expression: at });
  const choice = Object.keys(part).find((key) => /^value[A-Z]/.test(key));
  const { resource, part: parts } = part as { resource?: unknown; part?: unknown };
  return {
    name: part['name'],
    value: choice === undefined ? undefined : part[choice],
    resource: isObject(resource) ? resource : undefined,
    parts: Array.isArray(parts) ? parts.map((each, i) => fromPart(each, `${at}.part[${i}]`)) : [],
  };
};

/**
 * The parameters of a call: of its address, then of its body, which is a Parameters resource, or another resource that stands for the
 * one parameter `resource`; so does Parameters with none of the `own` parameters of an operation that takes any resource. Throws 400 naming
 * what is malformed.
 */
export const operationParameters = async (call: Call, own?: readonly string[]): Promise<readonly OperationParameter[]> => {
  const fromAddress = decodeQuery(call.query).map(([name, value]): OperationParameter => ({ name, value, resource: undefined, parts: [] }));
  const text = call.isPost ? await call.text() : '';
  if (text.trim() === '') return fromAddress;
  const body = parseBody(text);
  if (!isObject(body) || typeof body['resourceType'] !== 'string') {
    throw new FhirError('structure', 'an operation takes a Parameters resource: send {"resourceType": "Parameters", "parameter": […]}');
  }
  if (body['resourceType'] !== 'Parameters' || (own !== undefined && !namesOne(body, own)))
    return [...fromAddress, { name: 'resource', value: undefined, resource: body, text: () => text, parts: [] }];
  const list = body['parameter'] ?? [];
  if (!Array.isArray(list)) throw new FhirError('structure', 'Parameters.parameter is an array', { expression: 'Parameters.parameter' });
  return [
    ...fromAddress,
    ...list.map((part: unknown, i) => ({ ...fromPart(part, `Parameters.parameter[${i}]`), text: () => textOf(text, i) })),
  ];
};

const namesOne = ({ parameter }: Json, names: readonly string[]): boolean =>
  Array.isArray(parameter) && parameter.some((part) => isObject(part) && names.includes(String(part['name'])));

/** The text of the resource in the parameter of that number. */
const textOf = (text: string, n: number): string | undefined => {
  const list = members(text, text.indexOf('{')).find(({ key }) => key === 'parameter');
  const part = list && elements(text, list.start)[n];
  const resource = part && members(text, part.start).find(({ key }) => key === 'resource');
  return resource && text.slice(resource.start, resource.end);
};

/** The text of a parameter that is given once at most; throws 400 where it is given twice or is no text. */
export const textParameter = (parameters: readonly OperationParameter[], name: string): string | undefined => {
  const given = parameters.filter((each) => each.name === name);
  if (given.length > 1) throw new FhirError('invalid', `the parameter ${name} is given ${given.length} times: give it once`);
  const value = given[0]?.value;
  if (value === undefined || typeof value === 'string') return value;
  throw new FhirError('value', `the parameter ${name} is a text`, { expression: `http.${name}` });
};
