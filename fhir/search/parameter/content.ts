/** `_content` and `_text`: words anywhere in a resource, or in its narrative. Source: http://hl7.org/fhir/R4/search.html#content */
import { FhirError } from '../../http/outcome.ts';
import { resourceWords } from '../words.ts';
import { unescapeValue } from './escape.ts';
import type { ParameterType } from './parameter.ts';
import { wordQuery } from './word-query.ts';

const createContent = (column: 'content' | 'narrative'): ParameterType => ({
  table: 'content',
  datatypes: new Set(['Resource']),
  modifiers: [],
  extract: (value, _, add) => {
    const words = resourceWords(value as Readonly<Record<string, unknown>>);
    if (words !== undefined) add(words.content, words.narrative);
  },
  condition: (written, { name, value }) => {
    const query = wordQuery(unescapeValue(written), name);
    if (query === undefined) throw new FhirError('value', `${name} has a value without a word`, { expression: `http.${name}` });
    return [{ sql: `${column === 'narrative' ? 't.narrative is not null and ' : ''}t.${column} @@ ${value(query)}::tsquery` }];
  },
});

export const content = createContent('content');
export const narrative = createContent('narrative');
