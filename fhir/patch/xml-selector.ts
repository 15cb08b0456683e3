/**
 * The XPath that an XML Patch is addressed with: names, `*`, an attribute at the end, and as conditions a position, last(), or an attribute or
 * element that equals a text. Each step leads down, so that the work is bounded. Source: RFC 5261, section 4.1
 */
import { FhirError } from '../http/outcome.ts';
import { FHIR_NAMESPACE } from '../xml/shape.ts';
import { elementsIn, textIn, type XmlElement } from './xml-tree.ts';

interface Name {
  /** `*` for any. */
  readonly local: string;
  readonly uri: string;
}

type Condition =
  | { readonly kind: 'position'; readonly position: number }
  | { readonly kind: 'equals'; readonly path: readonly Name[]; readonly attribute: string | undefined; readonly text: string };

interface Step {
  readonly name: Name;
  readonly conditions: readonly Condition[];
}

export interface Selector {
  readonly steps: readonly Step[];
  readonly attribute: string | undefined;
}

/** Whether what it leads to depends on more than names and places. */
export const comparesValues = ({ steps }: Selector): boolean =>
  steps.some(({ conditions }) => conditions.some(({ kind }) => kind === 'equals'));

const MAX_LENGTH = 1000;
const TOKEN = /\s*(?:"[^"]*"|'[^']*'|\d+|last\(\)|(?:[A-Za-z_][\w.-]*:)?(?:[A-Za-z_][\w.-]*|\*)|[/@[\]=.])/y;

/** Throws 400 where the text is none of that subset, or has a prefix that stands for nothing. */
export const parseSelector = (text: string, scope: Readonly<Record<string, string>>): Selector => {
  const malformed = (why: string): FhirError =>
    new FhirError('value', `sel="${text.slice(0, 200)}" ${why}: write /f:Patient/f:name[1]/f:family/@value, or [f:use/@value='home']`);
  if (text.length > MAX_LENGTH) throw malformed(`is longer than ${MAX_LENGTH} characters`);
  const tokens: string[] = [];
  for (let position = 0; text.slice(position).trim() !== '';) {
    TOKEN.lastIndex = position;
    const [all] = TOKEN.exec(text) ?? [];
    if (all === undefined) throw malformed(`can't be read at character ${position + 1}`);
    tokens.push(all.trim());
    position += all.length;
  }
  let at = 0;
  const is = (token: string): boolean => tokens[at] === token && ++at > 0;
  const expect = (token: string): void => {
    if (!is(token)) throw malformed(`lacks a ${token}`);
  };
  const name = (): Name => {
    const token = tokens[at++] ?? '';
    if (!/^[A-Za-z_*]/.test(token)) throw malformed('lacks a name');
    const [prefix, local] = token.includes(':') ? (token.split(':') as [string, string]) : ['', token];
    const uri = scope[prefix] ?? (prefix === '' ? FHIR_NAMESPACE : undefined);
    if (uri === undefined) throw malformed(`has the prefix ${prefix.slice(0, 40)}, which the patch doesn't declare`);
    return { local, uri };
  };
  const attribute = (): string => {
    const token = tokens[at++] ?? '';
    if (!/^[A-Za-z_]/.test(token)) throw malformed('lacks the name of an attribute');
    return token;
  };
  const condition = (): Condition => {
    const token = tokens[at] ?? '';
    if (/^\d/.test(token)) return { kind: 'position', position: Number(tokens[at++]) };
    if (is('last()')) return { kind: 'position', position: -1 };
    const path: Name[] = [];
    let named: string | undefined;
    if (!is('.')) {
      do {
        if (is('@')) {
          named = attribute();
          break;
        }
        path.push(name());
      } while (is('/'));
    }
    expect('=');
    const literal = tokens[at++] ?? '';
    if (!/^["']/.test(literal)) throw malformed('compares with something else than a text');
    return { kind: 'equals', path, attribute: named, text: literal.slice(1, -1) };
  };
  const steps: Step[] = [];
  is('/');
  for (;;) {
    if (is('@')) {
      if (steps.length === 0) throw malformed('begins with an attribute');
      const last = attribute();
      if (at < tokens.length) throw malformed('goes on after an attribute');
      return { steps, attribute: last };
    }
    const own = name();
    const conditions: Condition[] = [];
    while (is('[')) {
      conditions.push(condition());
      expect(']');
    }
    steps.push({ name: own, conditions });
    if (at === tokens.length) return { steps, attribute: undefined };
    expect('/');
  }
};

/** An element with the one that holds it; none holds the root. */
export interface Found {
  readonly element: XmlElement;
  readonly parent: XmlElement | undefined;
}

/** The elements that the steps lead to; `visit` is told how many elements are looked at. */
export const select = (root: XmlElement, { steps }: Selector, visit: (count: number) => void): readonly Found[] => {
  const named = ({ local, uri }: Name, elements: readonly XmlElement[]): XmlElement[] => {
    visit(elements.length);
    return elements.filter((each) => each.uri === uri && (local === '*' || each.local === local));
  };
  const holds = (element: XmlElement, { path, attribute, text }: Extract<Condition, { kind: 'equals' }>): boolean => {
    let found = [element];
    for (const name of path) found = found.flatMap((each) => named(name, elementsIn(each)));
    return found.some((each) => (attribute === undefined ? textIn(each) : each.attributes.get(attribute)) === text);
  };
  let found: readonly Found[] = [];
  for (const [i, { name, conditions }] of steps.entries()) {
    const from =
      i === 0
        ? [{ parent: undefined, children: [root] }]
        : found.map(({ element }) => ({ parent: element, children: elementsIn(element) }));
    found = from.flatMap(({ parent, children }) => {
      let own = named(name, children);
      for (const condition of conditions) {
        if (condition.kind === 'equals') own = own.filter((each) => holds(each, condition));
        else {
          const one = condition.position === -1 ? own.at(-1) : own[condition.position - 1];
          own = one === undefined ? [] : [one];
        }
      }
      return own.map((element) => ({ element, parent }));
    });
  }
  return found;
};
