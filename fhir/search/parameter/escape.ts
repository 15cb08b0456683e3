/** Values with `\,`, `\|`, `\$` and `\\`. Source: http://hl7.org/fhir/R4/search.html#escaping */

/** The text between separators that aren't escaped, still escaped. */
export const splitUnescaped = (text: string, separator: ',' | '|' | '$'): string[] => {
  if (!text.includes('\\')) return text.split(separator);
  const parts: string[] = [];
  let current = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') current += text.slice(i, ++i + 1);
    else if (text[i] === separator) {
      parts.push(current);
      current = '';
    } else current += text[i];
  }
  return [...parts, current];
};

export const unescapeValue = (text: string): string => (text.includes('\\') ? text.replaceAll(/\\([,|$\\])/g, '$1') : text);

/** Whether each backslash stands before what it escapes: else the value is illegal. */
export const isEscaped = (text: string): boolean => !text.includes('\\') || /^(?:[^\\]|\\[,|$\\])*$/.test(text);
