/** The form of each primitive type. Source: http://hl7.org/fhir/R4/datatypes.html#primitive */

// There is no year 0.
const DATE = String.raw`(?!0000)\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01])`;
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?`;
const ZONE = String.raw`(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))`;

interface TextForm {
  readonly is: (text: string) => boolean;
  readonly hint: string;
}

/** Of a string, in characters. Source: http://hl7.org/fhir/R4/datatypes.html#string */
const MAX_STRING = 1 << 20;
const like =
  (pattern: RegExp): TextForm['is'] =>
  (text) =>
    text.length <= MAX_STRING && pattern.test(text);

const TEXT: TextForm = {
  // oxlint-disable-next-line no-control-regex -- FHIR forbids just these in a string
  is: like(/^[^\u0000-\u0008\u000b\u000c\u000e-\u001f]+$/),
  hint: 'a text that is not empty, holds no control characters and has 1 048 576 characters at most',
};

const OID = /^urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+$/;
const UUID = /^urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
// oxlint-disable-next-line no-control-regex -- neither white space nor control characters belong into a URI
const isUri = like(/^[^\s\u0000-\u001f]+$/);
// Source: http://hl7.org/fhir/R4/datatypes.html#uri, which holds OIDs and UUIDs in a URI to their own form.
const isUrn = (text: string): boolean => {
  const [uri = ''] = text.split(/[|#]/, 1);
  return uri.startsWith('urn:oid:') ? OID.test(uri) : !uri.startsWith('urn:uuid:') || UUID.test(uri.toLowerCase());
};
const URI: TextForm = {
  is: (text) => isUri(text) && (!text.startsWith('urn:') || isUrn(text)),
  hint: 'a URI: without white space, an OID as urn:oid:1.2.3, a UUID as urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
};

/** Which characters base64 is written with: 1 for a digit, 2 for white space. */
const BASE64 = new Uint8Array(128);
for (const digit of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') BASE64[digit.charCodeAt(0)] = 1;
for (const space of ' \t\r\n') BASE64[space.charCodeAt(0)] = 2;

// A loop, since attachments are long and a pattern would need stack for each of their characters.
const isBase64 = (text: string): boolean => {
  let digits = 0;
  let padding = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const kind = code < 128 ? BASE64[code] : 0;
    if (kind === 2) continue;
    if (code === 61) padding++;
    else if (kind === 1 && padding === 0) digits++;
    else return false;
  }
  return digits > 0 && padding <= 2 && (digits + padding) % 4 === 0;
};

const TEXTS: Readonly<Record<string, TextForm>> = {
  string: TEXT,
  markdown: TEXT,
  code: { is: like(/^\S+(?: \S+)*$/), hint: 'a code without leading, trailing or double spaces' },
  id: { is: like(/^[A-Za-z0-9\-.]{1,64}$/), hint: 'an id: 1 to 64 letters, digits, - and .' },
  uri: URI,
  url: URI,
  canonical: URI,
  oid: { is: like(OID), hint: 'an OID such as urn:oid:1.2.3' },
  uuid: { is: like(UUID), hint: 'a UUID in lower case such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520' },
  base64Binary: { is: isBase64, hint: 'base64: groups of four characters, the last one filled up with =' },
  date: { is: like(new RegExp(`^${DATE})?)?$`)), hint: 'a date such as 2024, 2024-01 or 2024-01-31' },
  dateTime: {
    is: like(new RegExp(`^${DATE}(?:T${TIME}${ZONE})?)?)?$`)),
    hint: 'a dateTime such as 2024-01-31 or 2024-01-31T10:00:00Z: with a time, seconds and zone too',
  },
  instant: { is: like(new RegExp(`^${DATE}T${TIME}${ZONE}))$`)), hint: 'an instant such as 2024-01-31T10:00:00.000Z' },
  time: { is: like(new RegExp(`^${TIME}$`)), hint: 'a time such as 10:00:00, without a zone' },
};

const isInteger =
  (from: number): ((value: unknown) => boolean) =>
  (value) =>
    Number.isInteger(value) && !Object.is(value, -0) && (value as number) >= from && (value as number) <= 2_147_483_647;

const OTHERS: Readonly<Record<string, { readonly is: (value: unknown) => boolean; readonly hint: string }>> = {
  boolean: { is: (value) => typeof value === 'boolean', hint: 'true or false, without quotes' },
  decimal: { is: Number.isFinite, hint: 'a number, without quotes, that is not beyond 1e308' },
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
  const { is, hint } = TEXTS[type] ?? TEXT;
  if (DAYS.has(type)) return (value) => (typeof value === 'string' && is(value) && hasRealDay(value) ? undefined : hint);
  return (value) => (typeof value === 'string' && is(value) ? undefined : hint);
};
