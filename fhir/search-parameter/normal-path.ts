/** FHIRPath as people write it in search parameters, in the words that fhir/definitions/path.ts knows. */

/** The same path for other ways of writing a step: `as`, `extension()` with or without `value` after it, spaces in conditions, parentheses around a branch. */
export const normalPath = (expression: string): string =>
  expression
    .split('|')
    .map((branch) => normalBranch(branch.trim()))
    .join(' | ');

const normalBranch = (written: string): string =>
  withoutParentheses(written)
    .replaceAll(/\bextension\(\s*'([^']*)'\s*\)/g, "extension.where(url='$1')")
    .replaceAll(
      /\bwhere\((\s*\w+\s*=\s*'[^']*'\s*(?:and\b\s*\w+\s*=\s*'[^']*'\s*)*)\)/g,
      (_, conditions: string) => `where(${normalConditions(conditions)})`,
    )
    // Not FHIRPath, but written so by US Core.
    .replaceAll(
      /(\bextension\.where\(url='[^']*'\))\.value([A-Z]\w*)/g,
      (_, extension: string, type: string) => `${extension}.value.ofType(${datatype(type)})`,
    )
    // as(DateTime) as it was written for STU3, too.
    .replaceAll(/\b(?:as|ofType)\(\s*(?:FHIR\.)?(\w+)\s*\)/g, (_, type: string) => `ofType(${datatype(type)})`)
    // (Observation.value as Quantity).code
    .replace(/^\(([^()]*(?:\([^()]*\)[^()]*)*?) as (?:FHIR\.)?(\w+)\)/, '$1.ofType($2)')
    .replace(/ as (?:FHIR\.)?(\w+)$/, '.ofType($1)')
    // No type of parameter holds an extension: who ends with one means its value.
    .replace(/\bextension\.where\(url='[^']*'\)$/, '$&.value');

const normalConditions = (written: string): string =>
  [...written.matchAll(/(\w+)\s*=\s*('[^']*')/g)].map(([, element, text]) => `${element}=${text}`).join(' and ');

const PRIMITIVE =
  /^(Base64Binary|Boolean|Canonical|Code|Date|DateTime|Decimal|Id|Instant|Integer|Markdown|Oid|PositiveInt|String|Time|UnsignedInt|Uri|Url|Uuid)$/;

/** The type dateTime is `DateTime` in `valueDateTime`. */
const datatype = (name: string): string => (PRIMITIVE.test(name) ? name.charAt(0).toLowerCase() + name.slice(1) : name);

/** What a pair of parentheses around all of it holds. */
const withoutParentheses = (text: string): string => {
  if (!text.startsWith('(') || !text.endsWith(')')) return text;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0 && i < text.length - 1) return text;
  }
  return depth === 0 ? withoutParentheses(text.slice(1, -1).trim()) : text;
};
