import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { createIndexPlan } from '../../../fhir/search/index-plan.ts';
import { maskedQuery } from '../../../fhir/search/masked-query.ts';
import { parseSearch } from '../../../fhir/search/parse.ts';

const registry = loadRegistry();
const planOf = createIndexPlan(registry, 'https://example.org/fhir');
const masked = (type: string, query: string): string =>
  maskedQuery(parseSearch({ type }, query, { registry, planOf }, { lenient: false, allowed: () => true }));

const CASES: readonly (readonly [type: string, query: string, kept: string])[] = [
  ['Observation', 'patient=p1&code=http://loinc.org|1', 'patient=p1&code=*'],
  ['Observation', 'subject=Patient/p1', 'subject=Patient/p1'],
  ['Observation', 'subject:identifier=MRN-4711', 'subject:identifier=*'],
  ['Observation', 'subject:Patient.identifier=MRN-4711', 'subject:Patient.identifier=*'],
  ['Observation', 'subject=MRN,http://elsewhere.org/4711', 'subject=*'],
  ['Patient', '_has:Observation:patient:code=4711&_filter=name eq "Meier"', '_has:Observation:patient:code=*&_filter=*'],
  ['Patient', 'name=Meier&_content=Meier&_text=Meier&_sort=family', 'name=*&_content=*&_text=*&_sort=family'],
  ['Observation', 'code-value-quantity=1$2', 'code-value-quantity=*'],
  ['Condition', 'patient=p1&_list=$current-problems', 'patient=p1&_list=$current-problems'],
  ['Patient', 'name=Meier&_contained=both&_containedType=contained', 'name=*&_contained=both&_containedType=contained'],
];

test('keeps logical ids, and no value that a person could be known by', () => {
  for (const [type, query, kept] of CASES) assert.is(masked(type, query), kept, query);
});

test.run();
