/** Reads the `div` of a narrative out of the XML around it. Source: http://hl7.org/fhir/R4/narrative.html */
import type { SaxesTagNS } from 'saxes';
import { readReturns } from './carriage-return.ts';
import { escapeAttribute, escapeText } from './escape.ts';
import { type XmlParser, XmlSyntaxError } from './parser.ts';
import type { Passage } from './passage.ts';
import { XHTML_NAMESPACE } from './shape.ts';

export interface DivReader {
  open(tag: SaxesTagNS): void;
  text(content: string): void;
  instruction(): void;
  /** The text of the whole div when it is its end tag; undefined for an inner one. */
  close(): string | undefined;
}

const MAX_DEPTH = 100;
/** Written as `<br/>`: browsers take `</br>` for another one. */
const VOID = new Set(['br', 'hr', 'img', 'col']);

/**
 * From the start tag of a div on. A div that declares its own namespace is taken as it stands in the document; one whose prefix or
 * namespace is declared further out is written anew, since its text alone would mean nothing.
 */
export const createDivReader = (document: Passage, parser: XmlParser, div: SaxesTagNS): DivReader => {
  const start = document.tagStart(parser.position);
  const isVerbatim = div.prefix === '' && div.attributes['xmlns'] !== undefined;
  const open: string[] = [];
  let written = '';
  /** A start tag whose `>` is still to be written. */
  let pending = '';
  const refuse = (what: string): never => {
    throw new XmlSyntaxError(what, parser.position);
  };
  const push = (tag: SaxesTagNS, namespace: string): void => {
    const attributes = Object.values(tag.attributes).filter(({ name, prefix }) => name !== 'xmlns' && prefix !== 'xmlns');
    if (attributes.some(({ prefix }) => prefix !== '' && prefix !== 'xml'))
      refuse('an attribute of a narrative has a prefix: leave it out');
    if (open.length === MAX_DEPTH) refuse(`a narrative is nested deeper than ${MAX_DEPTH} elements: flatten it`);
    open.push(tag.local);
    if (isVerbatim) return;
    written += pending;
    pending = `<${tag.local}${namespace}${attributes.map(({ name, value }) => ` ${name}="${escapeAttribute(value)}"`).join('')}>`;
  };
  push(div, ` xmlns="${XHTML_NAMESPACE}"`);
  return {
    open: (tag) => {
      if (tag.uri !== XHTML_NAMESPACE || (isVerbatim && tag.prefix !== '')) {
        refuse('an element of a narrative has another namespace, or a prefix: write XHTML without prefixes');
      }
      push(tag, '');
    },
    text: (content) => {
      if (isVerbatim) return;
      written += pending + escapeText(content);
      pending = '';
    },
    instruction: () => refuse('a narrative holds a processing instruction: leave it out'),
    close: () => {
      const local = open.pop()!;
      if (!isVerbatim) {
        written += pending !== '' && VOID.has(local) ? `${pending.slice(0, -1)}/>` : `${pending}</${local}>`;
        pending = '';
      }
      if (open.length > 0) return undefined;
      return readReturns(isVerbatim ? document.slice(start, parser.position) : written);
    },
  };
};
