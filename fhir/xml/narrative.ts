/** The XHTML of a narrative, which JSON holds as a text and XML as elements. Source: http://hl7.org/fhir/R4/narrative.html */
import { writeReturns } from './carriage-return.ts';
import { HTML_ENTITIES } from './html-entities.ts';
import { createXmlParser, XmlSyntaxError } from './parser.ts';
import { XHTML_NAMESPACE } from './shape.ts';

const MAX_DEPTH = 100;
/** CDATA and comments are matched so that what looks like an entity in them is left alone. */
const NAMED = /<!\[CDATA\[[\s\S]*?\]\]>|<!--[\s\S]*?-->|&([A-Za-z][A-Za-z0-9]*);/g;
const OF_XML = new Set(['amp', 'lt', 'gt', 'quot', 'apos']);

/**
 * The `div` of a JSON narrative as it can stand in an XML document: the same text, with its namespace on it, and named characters of
 * HTML and carriage returns as numbers. Throws {@link XmlSyntaxError} where it is not well-formed.
 */
export const embeddedDiv = (div: string): string => {
  const text = withNamespace(div.trim());
  const parser = createXmlParser();
  parser.ENTITIES = HTML_ENTITIES;
  const refuse = (what: string): never => {
    throw new XmlSyntaxError(what, parser.position);
  };
  let depth = 0;
  parser.on('processinginstruction', () => refuse('it holds a processing instruction'));
  parser.on('opentag', ({ local, prefix, uri }) => {
    if (depth === 0 && (local !== 'div' || prefix !== '')) refuse('its outermost element is no div');
    if (uri !== XHTML_NAMESPACE) refuse('an element is not in the namespace of XHTML');
    if (++depth > MAX_DEPTH) refuse(`it is nested deeper than ${MAX_DEPTH} elements`);
  });
  parser.on('closetag', () => void depth--);
  parser.write(text).close();
  return writeReturns(text).replace(NAMED, (whole, name: string | undefined) =>
    name === undefined || OF_XML.has(name) ? whole : `&#${HTML_ENTITIES[name]!.codePointAt(0)};`,
  );
};

const withNamespace = (div: string): string =>
  /^<div\s[^>]*xmlns\s*=/.test(div) ? div : div.replace(/^<div(?=[\s/>])/, `<div xmlns="${XHTML_NAMESPACE}"`);
