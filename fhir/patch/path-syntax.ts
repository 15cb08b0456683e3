/**
 * The FHIRPath that a patch is addressed with: names, an index, first(), last(), where(), ofType() or as, extension(). A subset on purpose: each
 * step leads down into the resource, so that the work is bounded whatever a client writes. Source: http://hl7.org/fhirpath/
 */
import { FhirError } from '../http/outcome.ts';

export type Literal = string | number | boolean;

export type Step =
  | { readonly kind: 'child'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'where'; readonly condition: Condition }
  | { readonly kind: 'ofType'; readonly type: string }
  | { readonly kind: 'extension'; readonly url: string };

export type Condition =
  | { readonly kind: 'and' | 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly kind: 'compare'; readonly steps: readonly Step[]; readonly equal: boolean; readonly to: Literal }
  | { readonly kind: 'text'; readonly steps: readonly Step[]; readonly how: 'startsWith' | 'endsWith' | 'contains'; readonly text: string }
  | { readonly kind: 'exists'; readonly steps: readonly Step[] }
  | { readonly kind: 'not'; readonly condition: Condition };

export interface PatchPath {
  /** The type or `Resource` that the path begins with. */
  readonly root: string;
  readonly steps: readonly Step[];
}

const MAX_LENGTH = 1000;
const TOKEN = /\s*(?:('(?:[^'\\]|\\.)*')|(@[\dT:.+Z-]+)|(\d+(?:\.\d+)?)|(`[^`]+`|[A-Za-z_$][\w$]*)|(!=|[().[\]=]))/y;

interface Token {
  readonly kind: 'text' | 'date' | 'number' | 'name' | 'sign';
  readonly text: string;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' };
const unquoted = (quoted: string): string =>
  quoted
    .slice(1, -1)
    .replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, escaped: string) =>
      escaped.length === 5 ? String.fromCharCode(Number.parseInt(escaped.slice(1), 16)) : (ESCAPES[escaped] ?? escaped),
    );

/** Throws 400 where the text is none of that subset. */
export const parsePatchPath = (text: string): PatchPath => {
  const malformed = (why: string): FhirError =>
    new FhirError('value', `the path ${text.slice(0, 200)} ${why}: use names, [0], first(), last(), where(), ofType() and extension()`);
  if (text.length > MAX_LENGTH) throw malformed(`is longer than ${MAX_LENGTH} characters`);
  const tokens: Token[] = [];
  for (let position = 0; text.slice(position).trim() !== '';) {
    TOKEN.lastIndex = position;
    const [all, string, date, number, name, sign] = TOKEN.exec(text) ?? [];
    if (all === undefined) throw malformed(`can't be read at character ${position + 1}`);
    position += all.length;
    if (string !== undefined) tokens.push({ kind: 'text', text: unquoted(string) });
    else if (date !== undefined) tokens.push({ kind: 'date', text: date.slice(1) });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name.startsWith('`') ? name.slice(1, -1) : name });
    else tokens.push({ kind: 'sign', text: sign! });
  }
  return new Parser(tokens, malformed).path();
};

class Parser {
  readonly #tokens: readonly Token[];
  readonly #malformed: (why: string) => FhirError;
  #at = 0;

  constructor(tokens: readonly Token[], malformed: (why: string) => FhirError) {
    this.#tokens = tokens;
    this.#malformed = malformed;
  }

  path(): PatchPath {
    const path = this.#from();
    if (this.#at < this.#tokens.length) throw this.#malformed(`has ${this.#tokens[this.#at]!.text.slice(0, 20)} where it should end`);
    return path;
  }

  /** `(Observation.value as Quantity)` is `Observation.value.as(Quantity)`. */
  #from(): PatchPath {
    if (!this.#is('(')) return { root: this.#take('name'), steps: this.#steps([]) };
    const { root, steps } = this.#from();
    const all = this.#is('as') ? [...steps, { kind: 'ofType', type: this.#take('name') } as const] : [...steps];
    this.#expect(')');
    return { root, steps: this.#steps(all) };
  }

  #is(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token === undefined || token.text !== text || (token.kind !== 'sign' && token.kind !== 'name')) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#is(text)) throw this.#malformed(`lacks a ${text}`);
  }

  #take(kind: Token['kind']): string {
    const token = this.#tokens[this.#at++];
    if (token?.kind !== kind) throw this.#malformed(`lacks a ${kind}`);
    return token.text;
  }

  /** What follows a name or a function: indexes, and steps after points; stops before a function that `ends` a condition. */
  #steps(steps: Step[], ends: readonly string[] = []): Step[] {
    for (;;) {
      if (this.#is('[')) {
        steps.push({ kind: 'index', index: Number(this.#take('number')) });
        this.#expect(']');
      } else if (this.#tokens[this.#at]?.text === '.' && !this.#endsHere(ends)) {
        this.#at++;
        steps.push(this.#step());
      } else return steps;
    }
  }

  #endsHere(ends: readonly string[]): boolean {
    const [name, open] = this.#tokens.slice(this.#at + 1, this.#at + 3);
    return name !== undefined && ends.includes(name.text) && open?.text === '(';
  }

  #step(): Step {
    const name = this.#take('name');
    if (!this.#is('(')) return { kind: 'child', name };
    const step = this.#function(name);
    this.#expect(')');
    return step;
  }

  #function(name: string): Step {
    switch (name) {
      case 'first':
        return { kind: 'index', index: 0 };
      case 'last':
        return { kind: 'index', index: -1 };
      case 'where':
        return { kind: 'where', condition: this.#condition() };
      case 'ofType':
      case 'as':
        return { kind: 'ofType', type: this.#take('name') };
      case 'extension':
        return { kind: 'extension', url: this.#take('text') };
      default:
        throw this.#malformed(`calls ${name}()`);
    }
  }

  #condition(): Condition {
    let left = this.#conjunction();
    while (this.#is('or')) left = { kind: 'or', left, right: this.#conjunction() };
    return left;
  }

  #conjunction(): Condition {
    let left = this.#single();
    while (this.#is('and')) left = { kind: 'and', left, right: this.#single() };
    return left;
  }

  #single(): Condition {
    if (this.#is('(')) {
      const inner = this.#condition();
      this.#expect(')');
      return this.#negated(inner);
    }
    const ends = ['exists', 'empty', 'not', 'startsWith', 'endsWith', 'contains'];
    const steps = this.#is('$this') ? this.#steps([], ends) : this.#steps([this.#step()], ends);
    if (this.#is('=')) return { kind: 'compare', steps, equal: true, to: this.#literal() };
    if (this.#is('!=')) return { kind: 'compare', steps, equal: false, to: this.#literal() };
    if (!this.#is('.')) return { kind: 'compare', steps, equal: true, to: true };
    return this.#negated(this.#end(this.#take('name'), steps));
  }

  #end(name: string, steps: readonly Step[]): Condition {
    this.#expect('(');
    const argument = name === 'startsWith' || name === 'endsWith' || name === 'contains' ? this.#take('text') : '';
    this.#expect(')');
    if (name === 'exists') return { kind: 'exists', steps };
    if (name === 'empty') return { kind: 'not', condition: { kind: 'exists', steps } };
    if (name === 'not') return { kind: 'compare', steps, equal: true, to: false };
    if (name === 'startsWith' || name === 'endsWith' || name === 'contains') return { kind: 'text', steps, how: name, text: argument };
    throw this.#malformed(`calls ${name}() in a condition`);
  }

  #negated(condition: Condition): Condition {
    if (!this.#endsHere(['not'])) return condition;
    this.#at += 3;
    this.#expect(')');
    return { kind: 'not', condition };
  }

  #literal(): Literal {
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'text' || token?.kind === 'date') return token.text;
    if (token?.kind === 'number') return Number(token.text);
    if (token?.kind === 'name' && (token.text === 'true' || token.text === 'false')) return token.text === 'true';
    throw this.#malformed(`compares with something else than 'text', a number, @date, true or false`);
  }
}
