/** The grammar of `_filter`. Source: http://hl7.org/fhir/R4/search_filter.html */
import { badValue } from './parsing.ts';

export type FilterNode =
  | { readonly kind: 'and' | 'or'; readonly nodes: readonly FilterNode[] }
  | { readonly kind: 'not'; readonly node: FilterNode }
  | { readonly kind: 'test'; readonly path: readonly FilterStep[]; readonly operator: Operator; readonly value: string };

/** A parameter of a path; those before the last are references, and what they lead to may be filtered. */
export interface FilterStep {
  readonly name: string;
  readonly filter: FilterNode | undefined;
}

const OPERATORS = [
  'eq',
  'ne',
  'co',
  'sw',
  'ew',
  'gt',
  'lt',
  'ge',
  'le',
  'ap',
  'sa',
  'eb',
  'pr',
  'po',
  'ss',
  'sb',
  'in',
  'ni',
  're',
] as const;
export type Operator = (typeof OPERATORS)[number];

const MAX_TESTS = 100;
const MAX_DEPTH = 20;
const NAME = /-?[A-Za-z_][\w:-]*/y;
const WORD = /[A-Za-z]+/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const TOKEN = /[^\s)\]]+/y;
const SPACE = /\s*/y;

/** Throws FhirError `value` that says where and what. */
export const parseFilterText = (text: string): FilterNode => new Parser(text).whole();

class Parser {
  readonly #text: string;
  #at = 0;
  #tests = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): FilterNode {
    const node = this.#expression();
    if (this.#at < this.#text.length) this.#refuse('"and", "or" or the end was expected');
    return node;
  }

  #refuse(what: string): never {
    throw badValue('_filter', `_filter: ${what} at character ${this.#at + 1}, as in: name co "pet" and birthdate ge 2014-10-10`);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #take(character: string): boolean {
    this.#match(SPACE);
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #word(...wanted: readonly string[]): string | undefined {
    this.#match(SPACE);
    const start = this.#at;
    const word = this.#match(WORD);
    if (word !== undefined && wanted.includes(word)) return word;
    this.#at = start;
    return undefined;
  }

  /** From left to right: neither of "and" and "or" binds tighter. */
  #expression(): FilterNode {
    if (++this.#depth > MAX_DEPTH) this.#refuse(`more than ${MAX_DEPTH} parentheses within each other`);
    let left = this.#term();
    for (let word = this.#word('and', 'or'); word !== undefined; word = this.#word('and', 'or'))
      left = { kind: word as 'and' | 'or', nodes: [left, this.#term()] };
    this.#match(SPACE);
    this.#depth--;
    return left;
  }

  #term(): FilterNode {
    if (this.#take('(')) return this.#closed(')');
    const start = this.#at;
    if (this.#word('not') !== undefined) {
      if (this.#take('(')) return { kind: 'not', node: this.#closed(')') };
      this.#at = start;
    }
    if (++this.#tests > MAX_TESTS) this.#refuse(`more than ${MAX_TESTS} tests`);
    const path = this.#path();
    const operator = this.#word(...OPERATORS);
    if (operator === undefined) this.#refuse(`one of ${OPERATORS.join(', ')} was expected`);
    this.#match(SPACE);
    return { kind: 'test', path, operator: operator as Operator, value: this.#value() };
  }

  #closed(end: ')' | ']'): FilterNode {
    const node = this.#expression();
    if (!this.#take(end)) this.#refuse(`"${end}" was expected`);
    return node;
  }

  #path(): FilterStep[] {
    const steps: FilterStep[] = [];
    do {
      this.#match(SPACE);
      const name = this.#match(NAME);
      if (name === undefined) this.#refuse('the name of a search parameter was expected');
      const filter = this.#text[this.#at] === '[' ? (this.#at++, this.#closed(']')) : undefined;
      steps.push({ name: name!, filter });
      if (filter !== undefined && this.#text[this.#at] !== '.') this.#refuse('"." was expected after "]"');
    } while (this.#text[this.#at] === '.' && ++this.#at > 0);
    return steps;
  }

  #value(): string {
    if (this.#text[this.#at] !== '"') return this.#match(TOKEN) ?? this.#refuse('a value was expected');
    const written = this.#match(STRING) ?? this.#refuse('a text without its second quote');
    try {
      const value = JSON.parse(written) as string;
      if (!value.includes('\0') && value.isWellFormed()) return value;
    } catch {
      // Told below.
    }
    return this.#refuse('a text that is no JSON string ended');
  }
}
