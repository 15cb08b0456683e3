/** Source: http://hl7.org/fhir/R4/search.html#uri */
import { FhirError } from '../../http/outcome.ts';
import { unescapeValue } from './escape.ts';
import { COMPARED } from './long-text.ts';
import type { ParameterType } from './parameter.ts';
import { startsWith } from './string.ts';

export const MAX_URI = 1000; // what a B-tree entry surely holds

export const uri: ParameterType = {
  table: 'uri',
  datatypes: new Set(['uri', 'url', 'canonical', 'oid', 'uuid']),
  modifiers: ['missing', 'above', 'below', 'contains'],
  extract: (value, fhirType, add) => {
    if (typeof value !== 'string' || value === '') return;
    add(value.slice(0, MAX_URI));
    // A canonical address with a version is found without it too.
    const bar = fhirType === 'canonical' ? value.indexOf('|') : -1;
    if (bar > 0) add(value.slice(0, Math.min(bar, MAX_URI)));
  },
  condition: (written, { name, modifier, value, datatypes }) => {
    const text = unescapeValue(written).slice(0, MAX_URI);
    if (text === '') throw new FhirError('value', `${name} has no value`, { expression: `http.${name}` });
    switch (modifier) {
      case 'below':
        // Of a canonical address with the beginning of a version: the versions that begin so.
        if (text.includes('|') && datatypes.includes('canonical')) return [{ sql: startsWith(text, value) }];
        return [{ sql: below(text, value) }];
      case 'above':
        return [{ sql: `t.value in (${above(text).map(value).join(', ')})` }];
      case 'contains':
        return [{ sql: `position(${value(text)} in t.value) > 0` }];
      // These are operators of _filter. The order is that of the code points (collation C).
      case 'gt':
      case 'lt':
      case 'ge':
      case 'le':
        return [{ sql: `t.value ${COMPARED[modifier]} ${value(text)}` }];
      case 'starts':
        return [{ sql: startsWith(text, value) }];
      case 'ends':
        return [{ sql: `right(t.value, ${[...text].length}) = ${value(text)}` }];
      default:
        return [{ sql: `t.value = ${value(text)}` }];
    }
  },
};

/** The address itself and what lies under it, at a slash. */
const below = (text: string, value: (given: string) => string): string => {
  const folder = text.endsWith('/') ? text : `${text}/`;
  return `(t.value = ${value(text)} or (${startsWith(folder, value)}))`;
};

const MAX_ABOVE = 50;

/** The address itself and what it lies under, each with and without a slash at its end. */
const above = (text: string): string[] => {
  const found = [text];
  const start = text.indexOf('://');
  for (let slash = text.lastIndexOf('/'); slash > start + 2 && found.length < MAX_ABOVE; slash = text.lastIndexOf('/', slash - 1))
    found.push(text.slice(0, slash + 1), text.slice(0, slash));
  return [...new Set(found)];
};
