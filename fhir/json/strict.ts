/**
 * Parsing that accepts what RFC 8259 does and refuses what FHIR can't mean: a name twice in one object, text that is no Unicode,
 * nesting without end. V8's parser does the work; only a text with a fault is read again, to say where it is.
 */
import { findFault } from './fault.ts';
import { measure } from './text.ts';

/** Says what is wrong and where; never quotes the text, which may hold patient data. */
export class JsonSyntaxError extends Error {
  constructor(what: string, text: string, position: number) {
    const before = text.slice(0, position);
    const line = before.split('\n').length;
    const column = position - before.lastIndexOf('\n');
    super(`${what}, at line ${line}, column ${column}`);
    this.name = 'JsonSyntaxError';
  }
}

export const MAX_DEPTH = 100;

/** The value of a text; throws {@link JsonSyntaxError}. */
export const parseJson = (text: string, maxDepth = MAX_DEPTH): unknown => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const fault = findFault(text, maxDepth);
    throw new JsonSyntaxError(fault?.what ?? (cause as Error).name, text, fault?.position ?? 0);
  }
  const { members, depth } = measure(text);
  const suspect = depth > maxDepth || members !== countMembers(value) || (LONE.test(text) && !isWellFormed(value));
  if (suspect) {
    const fault = findFault(text, maxDepth);
    throw new JsonSyntaxError(fault?.what ?? 'the text has a fault', text, fault?.position ?? 0);
  }
  return value;
};

/** Throws {@link JsonSyntaxError} where a text isn't strict JSON, without making a value of it: that would be several times as large. */
export const requireStrict = (text: string, maxDepth = MAX_DEPTH): void => {
  const fault = findFault(text, maxDepth);
  if (fault !== undefined) throw new JsonSyntaxError(fault.what, text, fault.position);
};

const LONE = /\\u[dD][89a-fA-F]/;

// A name that comes twice is one property in the end: then the text has more members than the value.
const countMembers = (value: unknown): number => {
  let count = 0;
  if (Array.isArray(value)) {
    for (const element of value) if (typeof element === 'object' && element !== null) count += countMembers(element);
  } else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) {
      count++;
      if (typeof member === 'object' && member !== null) count += countMembers(member);
    }
  }
  return count;
};

const isWellFormed = (value: unknown): boolean => {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, member]) => key.isWellFormed() && isWellFormed(member));
};
