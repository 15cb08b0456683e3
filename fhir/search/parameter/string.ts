/** Source: http://hl7.org/fhir/R4/search.html#string */
import { FhirError } from '../../http/outcome.ts';
import { unescapeValue } from './escape.ts';
import type { ParameterType } from './parameter.ts';

const MAX_LENGTH = 80;
const MARKS = /\p{M}+/gu;
// oxlint-disable-next-line no-control-regex -- everything but ASCII needs the slow way
const PLAIN = /^[\x00-\x7f]*$/;

/** One form for texts that a search takes for the same: no case, no accents, single spaces. */
export const normalise = (text: string): string => {
  const cut = text.slice(0, MAX_LENGTH * 2);
  const base = PLAIN.test(cut) ? cut : cut.normalize('NFKD').replaceAll(MARKS, '');
  return base.toLowerCase().replaceAll(/\s+/g, ' ').trim().slice(0, MAX_LENGTH);
};

const PARTS: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['family', 'given', 'prefix', 'suffix', 'text'],
  Address: ['line', 'city', 'district', 'state', 'postalCode', 'country', 'text'],
};

export const string: ParameterType = {
  table: 'string',
  datatypes: new Set(['string', 'markdown', 'code', 'uri', 'id', 'HumanName', 'Address', 'Annotation', 'CodeableConcept']),
  parts: (fhirType) => PARTS[fhirType] ?? [],
  extract: (value, fhirType, add) => {
    const text = fhirType === 'Annotation' || fhirType === 'CodeableConcept' ? (value as { text?: unknown }).text : value;
    if (typeof text === 'string' && text !== '') add(normalise(text), text);
  },
  condition: (written, { name, modifier, value }) => {
    const text = unescapeValue(written);
    if (modifier === 'exact') return `t.exact = hashtextextended(${value(text)}, 0)`;
    const wanted = normalise(text);
    if (wanted === '') throw new FhirError('value', `${name} has a value without a letter`, { expression: `http.${name}` });
    if (modifier === 'contains') return `position(${value(wanted)} in t.value) > 0`;
    // The collation is C: what begins with the text lies between it and the text with the highest character behind.
    return `t.value >= ${value(wanted)} and t.value < ${value(`${wanted}\u{10ffff}`)}`;
  },
};
