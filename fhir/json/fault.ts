import { skipString } from './text.ts';

export interface Fault {
  readonly what: string;
  readonly position: number;
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y;
const WORD = /(?:true|false|null)(?!\w)/y;

/** The first place where a text isn't strict JSON; undefined where it is. Doesn't recurse: depth costs no stack. */
export const findFault = (text: string, maxDepth: number): Fault | undefined => {
  /** Open objects with the names that they have so far; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let position = 0;
  const fault = (what: string): Fault => ({ what, position });
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) position += found.length;
    return found;
  };
  const string = (): string | Fault => {
    const start = position;
    const end = skipString(text, start);
    let value: string;
    try {
      // A pattern for a string would need stack for each of its characters.
      value = JSON.parse(text.slice(start, end)) as string;
    } catch {
      return fault('a string is not closed, or holds a control character or an unknown escape: escape it as \\uXXXX');
    }
    position = end;
    return value.isWellFormed() ? value : { what: 'a \\uD8xx escape has no partner: half a character is no text', position: start };
  };

  for (let expects: 'value' | 'name' | 'first name' | 'first value' | 'more' = 'value'; ;) {
    match(SPACE);
    const next = text[position];
    if (expects === 'name' || expects === 'first name') {
      if (next === '}' && expects === 'first name') {
        position++;
        open.pop();
        expects = 'more';
        continue;
      }
      if (next !== '"')
        return fault(next === '}' ? 'a comma has no member after it: remove it' : 'the name of a member, in double quotes, is missing');
      const start = position;
      const name = string();
      if (typeof name !== 'string') return name;
      const names = open.at(-1)!;
      if (names.has(name)) return { what: 'a member has the same name as another of its object: keep one', position: start };
      names.add(name);
      match(SPACE);
      if (text[position] !== ':') return fault('a colon is missing after the name of a member');
      position++;
      expects = 'value';
    } else if (expects === 'more') {
      const top = open.at(-1);
      if (open.length === 0) return position < text.length ? fault('the text goes on after its end: send one value') : undefined;
      if (next === ',') expects = top === undefined ? 'value' : 'name';
      else if (next === (top === undefined ? ']' : '}')) open.pop();
      else return fault(next === undefined ? 'the text ends too early' : `a comma or ${top === undefined ? ']' : '}'} is missing`);
      position++;
    } else if (next === ']' && expects === 'first value') {
      position++;
      open.pop();
      expects = 'more';
    } else if (next === '{' || next === '[') {
      if (open.length === maxDepth) return fault(`the text is nested deeper than ${maxDepth} levels: flatten it`);
      open.push(next === '{' ? new Set() : undefined);
      position++;
      expects = next === '{' ? 'first name' : 'first value';
    } else if (next === '"') {
      const value = string();
      if (typeof value !== 'string') return value;
      expects = 'more';
    } else if (match(NUMBER) !== undefined || match(WORD) !== undefined) expects = 'more';
    else return fault(next === undefined ? 'the text ends too early' : 'a value is missing, or is no JSON value');
  }
};
