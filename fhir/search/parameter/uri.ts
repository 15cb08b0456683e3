/** Source: http://hl7.org/fhir/R4/search.html#uri */
import { FhirError } from '../../http/outcome.ts';
import { unescapeValue } from './escape.ts';
import type { ParameterType } from './parameter.ts';

const MAX_LENGTH = 1000; // what a B-tree entry surely holds

export const uri: ParameterType = {
  table: 'uri',
  datatypes: new Set(['uri', 'url', 'canonical', 'oid', 'uuid']),
  extract: (value, _, add) => {
    if (typeof value === 'string' && value !== '') add(value.slice(0, MAX_LENGTH));
  },
  condition: (written, { name, modifier, value }) => {
    const text = unescapeValue(written).slice(0, MAX_LENGTH);
    if (text === '') throw new FhirError('value', `${name} has no value`, { expression: `http.${name}` });
    if (modifier === 'below')
      return `(t.value = ${value(text)} or (t.value >= ${value(text)} and t.value < ${value(`${text}\u{10ffff}`)}))`;
    return `t.value = ${value(text)}`;
  },
};
