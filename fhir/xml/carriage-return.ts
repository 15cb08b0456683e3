/**
 * Carriage returns of a narrative on their way through XML, whose readers take a bare one for a line feed. Source: https://www.w3.org/TR/xml/#sec-line-ends
 */

/** What no character reference can stand in, or only within quotes; all else is text. */
const MARKUP = /<!\[CDATA\[[\s\S]*?\]\]>|<!--[\s\S]*?-->|<(?:[^<>"']|"[^"]*"|'[^']*')*>|[^<]+/g;
const QUOTED = /"[^"]*"|'[^']*'/g;

/** Changes the text and the attribute values of well-formed XML; comments, CDATA and what stands between attributes stay. */
const inContent = (xml: string, change: (text: string) => string): string =>
  xml.replace(MARKUP, (part) => {
    if (!part.startsWith('<')) return change(part);
    return part.startsWith('<!') ? part : part.replace(QUOTED, change);
  });

/** Each as `&#13;`; one that was written so already gets another spelling, so that it comes back as it was in meaning. */
export const writeReturns = (div: string): string =>
  div.includes('\r') || div.includes('&#13;') ? inContent(div, (text) => text.replaceAll('&#13;', '&#xD;').replaceAll('\r', '&#13;')) : div;

/** The line ends of an XML document are `\n`, but for those that are written as `&#13;`. */
export const readReturns = (div: string): string => {
  const text = div.replace(/\r\n?/g, '\n');
  return text.includes('&#13;') ? inContent(text, (content) => content.replaceAll('&#13;', '\r')) : text;
};
