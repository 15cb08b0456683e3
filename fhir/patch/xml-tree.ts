/** XML as a tree that a patch changes. Comments and white space are kept, prefixes are not: what counts is the namespace. */
import { escapeAttribute, escapeText } from '../xml/escape.ts';
import { createXmlParser, XmlSyntaxError } from '../xml/parser.ts';

export interface XmlElement {
  readonly kind: 'element';
  readonly local: string;
  readonly uri: string;
  /** By name, `xml:lang` with its prefix; namespace declarations aside. */
  readonly attributes: Map<string, string>;
  readonly children: XmlNode[];
  /** Prefix ('' for none) → namespace, where it stood in the document that it was read from. */
  readonly scope: Readonly<Record<string, string>>;
}

export type XmlNode = XmlElement | { readonly kind: 'text' | 'comment'; readonly text: string };

const MAX_DEPTH = 200;

/** Throws {@link XmlSyntaxError}. */
export const parseTree = (document: string): XmlElement => {
  const parser = createXmlParser();
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  const refuse = (what: string): never => {
    throw new XmlSyntaxError(what, parser.position);
  };
  const add = (text: string, kind: 'text' | 'comment'): void => void open.at(-1)?.children.push({ kind, text });
  parser.on('opentag', ({ local, uri, ns, attributes }) => {
    const parent = open.at(-1);
    const own = new Map<string, string>();
    for (const { name, prefix, value } of Object.values(attributes)) {
      if (name === 'xmlns' || prefix === 'xmlns') continue;
      if (prefix !== '' && prefix !== 'xml') refuse('an attribute has a namespace: FHIR has none such');
      own.set(name, value);
    }
    const scope = Object.keys(ns).length === 0 && parent !== undefined ? parent.scope : { ...parent?.scope, ...ns };
    const element: XmlElement = { kind: 'element', local, uri, attributes: own, children: [], scope };
    parent?.children.push(element);
    root ??= element;
    if (open.push(element) > MAX_DEPTH) refuse(`elements are nested deeper than ${MAX_DEPTH}`);
  });
  parser.on('closetag', () => void open.pop());
  parser.on('text', (text) => add(text, 'text'));
  parser.on('cdata', (text) => add(text, 'text'));
  parser.on('comment', (text) => add(text, 'comment'));
  parser.on('processinginstruction', () => refuse('there is a processing instruction: leave it out'));
  parser.write(document).close();
  return root!;
};

/** The document of a tree, with a namespace declared wherever it changes. */
export const treeText = (node: XmlNode, outer = ''): string => {
  if (node.kind !== 'element') return node.kind === 'text' ? escapeText(node.text) : `<!--${node.text}-->`;
  const { local, uri, attributes, children } = node;
  const namespace = uri === outer ? '' : ` xmlns="${escapeAttribute(uri)}"`;
  const written = [...attributes].map(([name, value]) => ` ${name}="${escapeAttribute(value)}"`).join('');
  const inner = children.map((child) => treeText(child, uri)).join('');
  return inner === '' ? `<${local}${namespace}${written}/>` : `<${local}${namespace}${written}>${inner}</${local}>`;
};

/** All text in a node. */
export const textIn = (node: XmlNode): string =>
  node.kind === 'element' ? node.children.map(textIn).join('') : node.kind === 'text' ? node.text : '';

export const elementsIn = ({ children }: XmlElement): XmlElement[] => children.filter((child) => child.kind === 'element');
