/** Each operator of `_filter` by the type of parameter that it is for. Source: http://hl7.org/fhir/R4/search_filter.html#ops */
import { test } from 'uvu';
import { storeAll, type TestResource, testRefusals, testSearches } from '../../support/search.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const LOINC = 'http://loinc.org';
const UCUM = 'http://unitsofmeasure.org';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  const observation = (id: string, system: string, [value, code]: readonly [number, string], effective: object): TestResource => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system, code: '1' }] },
    subject: { reference: 'Patient/miller' },
    valueQuantity: { value, unit: code, system: UCUM, code },
    ...effective,
  });
  await storeAll(stack, [
    { resourceType: 'Patient', id: 'miller', name: [{ family: 'Miller' }], birthDate: '1980-05' },
    { resourceType: 'Patient', id: 'otzi', name: [{ family: 'Ötzi' }], birthDate: '1980-05-10' },
    { resourceType: 'Patient', id: 'zuse', name: [{ family: 'Zuse' }] },
    observation('day', LOINC, [5.4, 'mg'], { effectiveDateTime: '2020-01-20' }),
    observation('month', LOINC, [0.0054, 'g'], { effectiveDateTime: '2020-01' }),
    observation('period', 'http://snomed.info/sct', [7, 'mg'], { effectivePeriod: { start: '2020-01-15', end: '2020-03-01' } }),
    {
      resourceType: 'RiskAssessment',
      id: 'half',
      status: 'final',
      subject: { reference: 'Patient/miller' },
      prediction: [{ probabilityDecimal: 0.5 }],
    },
    ...['bar', 'baz'].map((id) => ({ resourceType: 'ValueSet', id, status: 'active', url: `http://example.org/foo/${id}` })),
  ]);
});
test.after(() => stack.stop());

const filters = (type: string, expected: Readonly<Record<string, readonly string[]>>): void =>
  testSearches(
    () => stack,
    Object.fromEntries(Object.entries(expected).map(([filter, ids]) => [`/${type}?_filter=${filter.replaceAll('+', '%2B')}`, ids])),
  );

// Strings are compared by the code points of their characters, whatever their case.
filters('Patient', {
  'family eq MILLER': ['miller'],
  'family eq mill': [],
  'family ne miller': ['otzi', 'zuse'],
  'family co TZ': ['otzi'],
  'family sw "mil"': ['miller'],
  'family ew "use"': ['zuse'],
  'family gt miller': ['otzi', 'zuse'],
  'family gt "  Z"': ['zuse'],
  'family ge Miller': ['miller', 'otzi', 'zuse'],
  'family lt "otzi"': ['miller'],
  'family le otzi': ['miller', 'otzi'],
  'name gt n and name lt z': ['otzi'],
  'family pr true': ['miller', 'otzi', 'zuse'],
  'birthdate pr false': ['zuse'],
});

// Dates are periods: `co` is a value that includes what is given, `po` one that overlaps with it.
filters('Patient', {
  'birthdate eq 1980-05': ['miller', 'otzi'],
  'birthdate ne 1980-05-10': ['miller'],
  'birthdate co 1980-05-10': ['miller', 'otzi'],
  'birthdate co 1980-05': ['miller'],
  'birthdate co 1980': [],
  'birthdate gt 1980-05-10': ['miller'],
  'birthdate ge 1980-05-10': ['miller', 'otzi'],
  'birthdate lt 1980-05-10': ['miller'],
  'birthdate le 1980-05': ['miller', 'otzi'],
  'birthdate sa 1980-05-01': ['otzi'],
  'birthdate eb 1980-06': ['miller', 'otzi'],
});
filters('Observation', {
  'date co 2020-02-01T10:00:00+01:00': ['period'],
  'date co 2020-01-20': ['day', 'month', 'period'],
  'date po 2020-02': ['period'],
  'date sa 2020-01-10': ['day', 'period'],
  // Tokens; short names of code systems stand for their addresses.
  [`code eq ${LOINC}|1`]: ['day', 'month'],
  'code eq loinc|1': ['day', 'month'],
  'code eq snomed|1': ['period'],
  'code eq rxnorm|1': [],
  'code eq other|1': [],
  'code ne loinc|1': ['period'],
  // Quantities, in any unit of their dimension.
  'value-quantity eq 5.4|ucum|mg': ['day', 'month'],
  'value-quantity ne 5.4|ucum|mg': ['period'],
  'value-quantity ne 5.4': ['month', 'period'],
  'value-quantity gt 0.006|ucum|g': ['period'],
  [`value-quantity le 5.4|${UCUM}|mg`]: ['day', 'month'],
  'value-quantity ap 5|ucum|mg': ['day', 'month'],
  'value-quantity sa 6||mg': ['period'],
  'value-quantity eb 6||mg': ['day', 'month'],
  // References.
  'subject re Patient/miller': ['day', 'month', 'period'],
  'subject re Patient/otzi': [],
  'subject.family gt m and subject[birthdate co 1980-05].family lt n': ['day', 'month', 'period'],
});
filters('RiskAssessment', {
  'probability eq 0.5': ['half'],
  'probability ne 0.5': [],
  'probability gt 0.4': ['half'],
  'probability lt 0.4': [],
  'probability ap 0.52': ['half'],
});
// Addresses, as texts that have a case.
filters('ValueSet', {
  'url eq http://example.org/foo/baz': ['baz'],
  'url ne http://example.org/foo/baz': ['bar'],
  'url co foo/ba': ['bar', 'baz'],
  'url sw http://example.org': ['bar', 'baz'],
  'url ew az': ['baz'],
  'url gt http://example.org/foo': ['bar', 'baz'],
  'url gt http://example.org/foo/bar': ['baz'],
  'url ge http://example.org/foo/bar': ['bar', 'baz'],
  'url lt http://example.org/foo/baz': ['bar'],
  'url le http://example.org/foo/bar': ['bar'],
});

// What the table has no meaning for.
testRefusals(
  () => stack,
  Object.fromEntries(
    [
      ['Patient', 'family ap x'],
      ['Patient', 'family re x'],
      ['Patient', 'birthdate sw 1980'],
      ['Patient', 'gender co m'],
      ['Patient', 'gender gt m'],
      ['Observation', 'value-quantity co 5'],
      ['Observation', 'subject co miller'],
      ['Observation', 'code-value-quantity ne "loinc|1$5|ucum|mg"'],
      ['RiskAssessment', 'probability co 0.5'],
    ].map(([type, filter]) => [`/${type}?_filter=${filter}`, { status: 400, says: /not compared in this way/ }]),
  ),
);

test.run();
