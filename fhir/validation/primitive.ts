/** The form of each primitive type. Source: http://hl7.org/fhir/R4/datatypes.html#primitive */

const DATE = String.raw`\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01])`;
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?`;
const ZONE = String.raw`(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))`;

interface TextForm {
  readonly pattern: RegExp;
  readonly hint: string;
}

const TEXT: TextForm = {
  // oxlint-disable-next-line no-control-regex -- FHIR forbids just these in a string
  pattern: /^[^\u0000-\u0008\u000b\u000c\u000e-\u001f]+$/,
  hint: 'a text that is not empty and holds no control characters',
};
const URI: TextForm = { pattern: /^\S+$/, hint: 'a URI without white space' };

const TEXTS: Readonly<Record<string, TextForm>> = {
  string: TEXT,
  markdown: TEXT,
  xhtml: {
    pattern: /^\s*<div\b(?!.*<\s*(?:script|iframe|object|embed|form)\b)[\s\S]*(?:<\/div>|\/>)\s*$/is,
    hint: 'XHTML in one <div>, without scripts, frames and forms',
  },
  code: { pattern: /^\S+(?: \S+)*$/, hint: 'a code without leading, trailing or double spaces' },
  id: { pattern: /^[A-Za-z0-9\-.]{1,64}$/, hint: 'an id: 1 to 64 letters, digits, - and .' },
  uri: URI,
  url: URI,
  canonical: URI,
  oid: { pattern: /^urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+$/, hint: 'an OID such as urn:oid:1.2.3' },
  uuid: {
    pattern: /^urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
    hint: 'a UUID such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
  },
  base64Binary: { pattern: /^(?:\s*[0-9A-Za-z+/]){2,}(?:\s*=){0,2}\s*$/, hint: 'base64' },
  date: { pattern: new RegExp(`^${DATE})?)?$`), hint: 'a date such as 2024, 2024-01 or 2024-01-31' },
  dateTime: {
    pattern: new RegExp(`^${DATE}(?:T${TIME}${ZONE})?)?)?$`),
    hint: 'a dateTime such as 2024-01-31 or 2024-01-31T10:00:00Z: with a time, seconds and zone too',
  },
  instant: { pattern: new RegExp(`^${DATE}T${TIME}${ZONE}))$`), hint: 'an instant such as 2024-01-31T10:00:00.000Z' },
  time: { pattern: new RegExp(`^${TIME}$`), hint: 'a time such as 10:00:00' },
};

const isInteger =
  (from: number): ((value: unknown) => boolean) =>
  (value) =>
    Number.isInteger(value) && (value as number) >= from && (value as number) <= 2_147_483_647;

const OTHERS: Readonly<Record<string, { readonly is: (value: unknown) => boolean; readonly hint: string }>> = {
  boolean: { is: (value) => typeof value === 'boolean', hint: 'true or false, without quotes' },
  decimal: { is: (value) => typeof value === 'number', hint: 'a number, without quotes' },
  integer: { is: isInteger(-2_147_483_648), hint: 'a whole number of 32 bits, without quotes' },
  unsignedInt: { is: isInteger(0), hint: 'a whole number from 0, without quotes' },
  positiveInt: { is: isInteger(1), hint: 'a whole number from 1, without quotes' },
};

// A day that its month doesn't have passes the pattern.
const hasRealDay = (text: string): boolean => {
  if (text.length < 10 || text.charCodeAt(8) < 50 || (text.charCodeAt(8) === 50 && text.charCodeAt(9) < 57)) return true;
  return new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(text.slice(8, 10));
};
const DAYS = new Set(['date', 'dateTime', 'instant']);

/** What a value of the primitive type should be, where it isn't one. */
export const primitiveFault = (type: string): ((value: unknown) => string | undefined) => {
  const other = OTHERS[type];
  if (other !== undefined) return (value) => (other.is(value) ? undefined : other.hint);
  const { pattern, hint } = TEXTS[type] ?? TEXT;
  if (DAYS.has(type)) return (value) => (typeof value === 'string' && pattern.test(value) && hasRealDay(value) ? undefined : hint);
  return (value) => (typeof value === 'string' && pattern.test(value) ? undefined : hint);
};
