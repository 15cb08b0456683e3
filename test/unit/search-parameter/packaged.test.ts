import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FhirPackage, readPackage } from '../../../fhir/definitions/package.ts';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import type { OtherParameter } from '../../../fhir/search-parameter/definition.ts';
import { packagedParameters, type PackagedParameters } from '../../../fhir/search-parameter/packaged.ts';
import { fhirPackage } from '../../support/fhir-package.ts';
import { usCoreParameters } from '../../support/us-core.ts';

const registry = loadRegistry();
const of = (packages: readonly FhirPackage[], clients: readonly OtherParameter[] = []): PackagedParameters =>
  packagedParameters(packages, { registry, baseUrl: 'https://example.org/fhir', clients });
const packageOf = (...resources: readonly object[]): FhirPackage => readPackage(fhirPackage('test.package', resources));
const parameter = (code: string, given: object = {}): object => ({
  resourceType: 'SearchParameter',
  url: `http://example.org/SearchParameter/${code}`,
  status: 'active',
  code,
  base: ['Patient'],
  type: 'string',
  expression: 'Patient.maritalStatus.text',
  ...given,
});
const codes = ({ usable }: PackagedParameters): string[] => usable.map(({ definition }) => definition.parameter.code).sort();

test('every search parameter of US Core that R4 lacks is usable', () => {
  const found = of([packageOf(...usCoreParameters())]);
  assert.equal(found.unusable, []);
  assert.equal(codes(found), ['asserted-date', 'description', 'discharge-disposition', 'ethnicity', 'gender-identity', 'race', 'role']);
});

test('what R4 has on every base type under that code and type is searched by as R4 says', () => {
  const name = parameter('name', { expression: 'Patient.name' });
  const own = parameter('x', { url: 'http://hl7.org/fhir/SearchParameter/Patient-name', code: 'name' });
  const found = of([packageOf(name, parameter('gender', { type: 'token', expression: 'Patient.gender' }))]);
  assert.equal([found.standard, found.usable.length, found.unusable.length], [2, 0, 0]);
  assert.is(of([packageOf({ ...own, base: ['Patient'] })]).usable.length, 0);
});

test('of several base types those count on which R4 has no such parameter', () => {
  const found = of([packageOf(parameter('name', { base: ['Patient', 'Group'], expression: 'Patient.name.family | Group.code.text' }))]);
  assert.equal(
    found.usable.map(({ definition }) => definition.bases),
    [['Group']],
  );
});

test('a draft counts, a retired one is nothing', () => {
  const found = of([packageOf(parameter('a', { status: 'draft' }), parameter('b', { status: 'retired' }))]);
  assert.equal([codes(found), found.unusable.length], [['a'], 0]);
});

const FAULTY: readonly [given: object, reason: RegExp][] = [
  [{ expression: 'Patient.nose' }, /isn't understood for Patient: Patient has no element nose/],
  [{ expression: 'Patient.name.where(use.exists(' }, /isn't understood/],
  [{ expression: undefined }, /needs an expression/],
  [{ base: ['Unicorn'] }, /Unicorn is no resource type of R4/],
  [{ base: 'Patient' }, /SearchParameter.base is a list/],
  [{ base: [] }, /SearchParameter.base is a list/],
  [{ type: 'special' }, /can't index a parameter of type special/],
  [{ type: 7 }, /SearchParameter.type is one text/],
  [{ code: undefined }, /SearchParameter.code is one text/],
  [{ code: '1 of 2' }, /has a letter first/],
  [{ type: 'composite', component: ['x'] }, /SearchParameter.component is a list/],
  [{ code: 'name', type: 'token', expression: 'Patient.gender' }, /Patient has name already, which is R4's own/],
  [{ url: 'http://hl7.org/fhir/SearchParameter/Patient-name' }, /is the address of one of R4's own/],
];
for (const [given, reason] of FAULTY)
  test(`${JSON.stringify(given)} is left out with its reason, and the others stay`, () => {
    const found = of([packageOf(parameter('bad', given), parameter('good'))]);
    assert.equal(codes(found), ['good']);
    assert.is(found.unusable.length, 1);
    const [fault] = found.unusable;
    assert.match(fault!.reason, reason);
    assert.equal([fault!.package, fault!.file], ['test.package#1.0.0', 'package/r0.json']);
  });

test('a file that is no JSON is left out with its reason', () => {
  const broken = packageOf(parameter('good'), parameter('bad'));
  const resources = broken.resources.map((each, i) => (i === 1 ? { ...each, resource: () => JSON.parse('{') as object as never } : each));
  const found = of([{ ...broken, resources }]);
  assert.equal(codes(found), ['good']);
  assert.match(found.unusable[0]!.reason, /JSON/);
});

test('the first package of a url or code counts, and what a client has written before all', () => {
  const first = packageOf(parameter('a'));
  const second = packageOf(parameter('a'), parameter('a', { url: 'http://example.org/other' }));
  const found = of([first, second]);
  assert.equal(codes(found), ['a']);
  assert.match(found.unusable[0]!.reason, /the package test.package#1.0.0 has defined this url already/);
  assert.match(found.unusable[1]!.reason, /Patient has a already, by the package test.package#1.0.0/);
  const client = { ...found.usable[0]!.definition, id: 'mine' };
  const beside = of([first], [client]);
  assert.equal(codes(beside), []);
  assert.match(beside.unusable[0]!.reason, /SearchParameter\/mine has defined this url already/);
});

test('a composite may have a component that another package defines', () => {
  const composite = parameter('pair', {
    type: 'composite',
    expression: 'Observation',
    base: ['Observation'],
    component: [
      { definition: 'http://example.org/SearchParameter/way', expression: 'method' },
      { definition: 'http://hl7.org/fhir/SearchParameter/Observation-value-quantity', expression: 'value.as(Quantity)' },
    ],
  });
  const way = parameter('way', { type: 'token', base: ['Observation'], expression: 'Observation.method' });
  const found = of([packageOf(composite), packageOf(way)]);
  assert.equal([codes(found), found.unusable], [['pair', 'way'], []]);
});

test.run();
