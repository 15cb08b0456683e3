import { skipString } from './text.ts';

const QUOTE = 34;
const MINUS = 45;
const isDigit = (code: number): boolean => code >= 48 && code <= 57;
/** Digits, `-`, `+`, `.`, `e` and `E`: what a number of JSON is made of. */
const isInNumber = (code: number): boolean => isDigit(code) || code === 45 || code === 43 || code === 46 || code === 69 || code === 101;

/** The same valid JSON with every number as a string, so that parsing it keeps 1.10 and 0.1234567890123456789 as they were written. */
export const numbersAsText = (text: string): string => {
  let out = '';
  let done = 0;
  for (let i = 0; i < text.length;) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = skipString(text, i);
    else if (code === MINUS || isDigit(code)) {
      const start = i;
      while (isInNumber(text.charCodeAt(i))) i++;
      out += `${text.slice(done, start)}"${text.slice(start, i)}"`;
      done = i;
    } else i++;
  }
  return out + text.slice(done);
};
