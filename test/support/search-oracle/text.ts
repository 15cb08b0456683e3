/** How values are written in a search. Source: http://hl7.org/fhir/R4/search.html#escaping */

/** At each separator without a backslash before it; the parts are still escaped. */
export const split = (text: string, separator: ',' | '|' | '$'): string[] => {
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') part += text.slice(i, ++i + 1);
    else if (text[i] === separator) {
      parts.push(part);
      part = '';
    } else part += text.charAt(i);
  }
  return [...parts, part];
};

export const unescaped = (text: string): string => text.replaceAll(/\\([\\,$|])/g, '$1');
export const escaped = (text: string): string => text.replaceAll(/[\\,$|]/g, '\\$&');

const LETTERS: Readonly<Record<string, string>> = { ß: 'ss', ł: 'l', ø: 'o', æ: 'ae', œ: 'oe', ı: 'i', ς: 'σ' };

/** Case and accents don't count, nor do other than single spaces: http://hl7.org/fhir/R4/search.html#string. */
export const plain = (text: string): string =>
  [...text.normalize('NFKD')]
    .map((letter) => letter.toLowerCase())
    .filter((letter) => !/\p{M}/u.test(letter))
    .map((letter) => LETTERS[letter] ?? letter)
    .join('')
    .replaceAll(/\s+/g, ' ')
    .trim();
