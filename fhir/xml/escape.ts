/** How XML writes what has a meaning in it. Source: https://www.w3.org/TR/xml/#syntax */
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // Unescaped, the reader of an attribute takes each of them for a space.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** A bare carriage return would be a line feed to who reads it. */
export const escapeText = (text: string): string => text.replace(/[&<>\r]/g, (character) => ESCAPES[character]!);

/** Of an attribute, between double quotes. */
export const escapeAttribute = (value: string): string => value.replace(/[&<>"\t\n\r]/g, (character) => ESCAPES[character]!);
