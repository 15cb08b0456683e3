/**
 * The XML parser with all that FHIR forbids switched off. saxes knows no external entities and declares none; what it lets pass (a
 * DOCTYPE, another version or encoding) is refused here. Source: http://hl7.org/fhir/R4/xml.html
 */
import { SaxesParser } from 'saxes';

export type XmlParser = SaxesParser<{ xmlns: true }>;

/** More than any element of FHIR or XHTML has. */
const MAX_ATTRIBUTES = 64;

/** Says what is wrong, and where; never quotes text, which may hold patient data. `what` is short. */
export class XmlSyntaxError extends Error {
  readonly position: number;

  constructor(what: string, position: number) {
    super(what);
    this.name = 'XmlSyntaxError';
    this.position = position;
  }
}

/** A parser for one document; it throws {@link XmlSyntaxError} from `write`. */
export const createXmlParser = (): XmlParser => {
  const parser = new SaxesParser({ xmlns: true, position: true, defaultXMLVersion: '1.0', forceXMLVersion: true });
  const refuse = (what: string): never => {
    throw new XmlSyntaxError(what, parser.position);
  };
  let attributes = 0;
  parser.on('error', ({ message }) => refuse(said(message)));
  parser.on('doctype', () => refuse('a DOCTYPE is not allowed in FHIR: leave it out'));
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== '1.0') refuse('the XML declaration names another version than 1.0: send XML 1.0');
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8')
      refuse('the XML declaration names another encoding than UTF-8: send UTF-8');
  });
  parser.on('opentagstart', () => void (attributes = 0));
  parser.on('attribute', () => {
    if (++attributes > MAX_ATTRIBUTES) refuse(`an element has more than ${MAX_ATTRIBUTES} attributes: no element of FHIR needs them`);
  });
  return parser;
};

const HINTS: Readonly<Record<string, string>> = {
  'undefined entity': 'an entity is not one of the five that XML has: write the character itself, or its number as in &#160;',
  'text data outside of root node': 'there is text outside of the root element: send one element',
  'document must contain a root element': 'there is no element: send one resource',
  'unexpected close tag': 'an element is closed that is not the last one opened',
};

// "12:34: undefined entity." → "undefined entity", in words of this house where there are some.
const said = (message: string): string => {
  const what = message
    .replace(/^\d+:\d+: /, '')
    .replace(/\.$/, '')
    .slice(0, 120);
  return HINTS[what] ?? what;
};

/** "line 3, column 14" of a position in UTF-16 code units. */
export const placeOf = (text: string, position: number): string => {
  const before = text.slice(0, position);
  return `line ${before.split('\n').length}, column ${position - before.lastIndexOf('\n')}`;
};
