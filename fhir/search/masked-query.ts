import type { Criterion, ParameterTest, SearchRequest } from './request.ts';

const REFERENCE = /^([A-Z][A-Za-z]+\/)?[A-Za-z0-9\-.]{1,64}$/;

/**
 * A search as the audit trail keeps it: names and modifiers always; values only where they are logical ids or shape the answer, since
 * names, identifiers, dates and codes can tell who was looked for.
 */
export const maskedQuery = ({ branches, used }: SearchRequest): string => {
  const criteria = branches[0]?.criteria ?? [];
  const kept = criteria.map((criterion) => `${criterion.name}=${maskedValue(criterion)}`);
  const control = used.filter(([name]) => name.startsWith('_') && !criteria.some((criterion) => criterion.name === name));
  return [...kept, ...control.map(([name, value]) => `${name}=${value.slice(0, 100)}`)].join('&').slice(0, 1000);
};

const isReference = ({ indexed, values }: ParameterTest): boolean =>
  indexed.parameterType.table === 'ref' && values.every((value) => REFERENCE.test(value));

const maskedValue = ({ test }: Criterion): string => {
  if (test.kind === 'id' || test.kind === 'list') return test.values.slice(0, 10).join(',');
  if (test.kind === 'compartment') return test.reference;
  if (test.kind === 'updated') return test.values.join(',');
  // What :identifier looks for is the number that people are known by, though it is in the form of an id.
  if (test.kind === 'parameter' && test.modifier !== 'identifier' && isReference(test)) return test.values.slice(0, 10).join(',');
  return '*';
};
