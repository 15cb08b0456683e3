/** `_content` and `_text`: words anywhere in a resource, or in its narrative. Source: http://hl7.org/fhir/R4/search.html#content */
import { FhirError } from '../../http/outcome.ts';
import { resourceWords, wordsOf } from '../words.ts';
import { unescapeValue } from './escape.ts';
import type { ParameterType } from './parameter.ts';

const createContent = (column: 'content' | 'narrative'): ParameterType => ({
  table: 'content',
  datatypes: new Set(['Resource']),
  modifiers: [],
  extract: (value, _, add) => {
    const words = resourceWords(value as Readonly<Record<string, unknown>>);
    if (words !== undefined) add(words.content, words.narrative);
  },
  condition: (written, { name, value }) => {
    const words = wordsOf(unescapeValue(written)).slice(0, 50);
    if (words.length === 0) throw new FhirError('value', `${name} has a value without a word`, { expression: `http.${name}` });
    // All words, each of which may go on: letters and digits only, so that the quotes hold.
    const query = words.map((word) => `'${word}':*`).join(' & ');
    return [{ sql: `${column === 'narrative' ? 't.narrative is not null and ' : ''}t.${column} @@ ${value(query)}::tsquery` }];
  },
});

export const content = createContent('content');
export const narrative = createContent('narrative');
