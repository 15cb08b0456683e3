import { skipString } from '../json/text.ts';

const INDENT = '  ';

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;

/** A JSON text over several lines; every string and number stays as it is written, so that 1.10 stays 1.10. */
export const indented = (text: string): string => {
  let out = '';
  let depth = 0;
  let line = '\n';
  /** Where the string, number or word begins that isn't written yet; -1 for none. */
  let pending = -1;
  const deeper = (by: number): void => {
    depth += by;
    line = `\n${INDENT.repeat(depth)}`;
  };
  const flush = (end: number): void => {
    if (pending !== -1) out += text.slice(pending, end);
    pending = -1;
  };
  for (let i = 0; i < text.length;) {
    const character = text[i]!;
    if (isSpace(text.charCodeAt(i))) flush(i++);
    else if (character === '"') {
      const end = skipString(text, i);
      out += text.slice(i, end);
      i = end;
    } else if (character === '{' || character === '[') {
      const close = character === '{' ? '}' : ']';
      let next = i + 1;
      while (isSpace(text.charCodeAt(next))) next++;
      if (text[next] === close) {
        out += character + close;
        i = next + 1;
        continue;
      }
      deeper(1);
      out += character + line;
      i++;
    } else if (character === '}' || character === ']') {
      flush(i++);
      deeper(-1);
      out += line + character;
    } else if (character === ',') {
      flush(i++);
      out += `,${line}`;
    } else if (character === ':') {
      out += ': ';
      i++;
    } else {
      if (pending === -1) pending = i;
      i++;
    }
  }
  flush(text.length);
  return out;
};
