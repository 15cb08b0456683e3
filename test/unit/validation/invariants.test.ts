import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import type { Json } from '../../../fhir/json/value.ts';
import { coreSource } from '../../../fhir/terminology/sources.ts';
import { Findings } from '../../../fhir/validation/findings.ts';
import { loadInvariants } from '../../../fhir/validation/invariants.ts';
import { createResourceValidator } from '../../../fhir/validation/resource-validator.ts';

const registry = loadRegistry();
const invariants = loadInvariants(registry);
const options = { registry, terminology: coreSource(), profiles: [] };
const broken = (resource: Json): string[] => {
  const findings = new Findings(String(resource['resourceType']));
  invariants.check(resource, findings);
  return findings.issues
    .filter(({ diagnostics }) => !diagnostics.includes('dom-6'))
    .map(({ severity, diagnostics }) => `${severity} ${diagnostics}`);
};

const observation = (rest: object): Json => ({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, ...rest });
const careTeam = (type: string): Json => ({
  resourceType: 'CareTeam',
  contained: [{ resourceType: type, id: 'm' }],
  participant: [{ member: { reference: '#m' }, onBehalfOf: { reference: 'Organization/o' } }],
});

const BAD: Readonly<Record<string, readonly [Json, RegExp]>> = {
  'of a backbone element': [{ resourceType: 'Patient', contact: [{ gender: 'male' }] }, /^error Patient\.contact\[0\]: .*\(pat-1\)/],
  'of the resource': [
    observation({ dataAbsentReason: { text: 'x' }, valueString: 'y' }),
    /^error Observation: dataAbsentReason .*\(obs-6\)/,
  ],
  'of a resource in a Bundle': [
    { resourceType: 'Bundle', type: 'collection', entry: [{ resource: observation({ dataAbsentReason: {}, valueString: 'y' }) }] },
    /^error Bundle\.entry\[0\]\.resource: .*\(obs-6\)/,
  ],
  'of a Bundle': [{ resourceType: 'Bundle', type: 'collection', total: 1 }, /^error Bundle: .*\(bdl-1\)/],
  'that looks into a contained resource': [careTeam('Organization'), /^error CareTeam\.participant\[0\]: .*\(ctm-1\)/],
  'with a pattern': [
    {
      resourceType: 'ValueSet',
      status: 'draft',
      name: '0',
      compose: { include: [{ system: 'a', concept: [{ code: 'b' }], filter: [{}] }] },
    },
    /^error ValueSet\.compose\.include\[0\]: .*\(vsd-3\)/,
  ],
  'with an escape that is none in Unicode mode': [
    {
      resourceType: 'StructureDefinition',
      kind: 'logical',
      type: 'a',
      derivation: 'specialization',
      abstract: false,
      baseDefinition: 'b',
      snapshot: { element: [{ path: 'a', sliceName: 'b c' }] },
    },
    /element\[0\]: .*\(eld-16\)/,
  ],
  'of a choice of types': [
    {
      resourceType: 'RiskAssessment',
      status: 'final',
      subject: { display: 'x' },
      prediction: [
        { probabilityDecimal: 50 },
        { probabilityRange: { low: { value: 1, code: 'kg', system: 'http://unitsofmeasure.org' } } },
      ],
    },
    /^error RiskAssessment\.prediction\[1\]\.probabilityRange: .*\(ras-1\)/,
  ],
  'of nested items': [
    {
      resourceType: 'Questionnaire',
      status: 'draft',
      item: [{ linkId: 'a', type: 'group', item: [{ linkId: 'b', type: 'display', required: true }] }],
    },
    /^error Questionnaire\.item\[0\]\.item\[0\]: .*\(que-6\)/,
  ],
};

for (const [name, [resource, says]] of Object.entries(BAD)) {
  test(`finds a broken invariant ${name}`, () => {
    const found = broken(resource);
    assert.ok(
      found.some((issue) => says.test(issue)),
      found.join('\n') || 'none was broken',
    );
    assert.not.ok(
      found.some((issue) => issue.includes('was not checked')),
      found.join('\n'),
    );
  });
}

test('a contained practitioner may act on behalf of an organization', () => assert.equal(broken(careTeam('Practitioner')), []));

test('leaves the resource as it was', () => {
  const resource = observation({ valueQuantity: { value: 1.5 } });
  const before = JSON.stringify(resource);
  broken(resource);
  assert.is(JSON.stringify(resource), before);
});

test('a write is checked for invariants with VALIDATION=full alone', () => {
  const resource = { resourceType: 'Patient', contact: [{ gender: 'male' }] };
  assert.equal(createResourceValidator({ ...options, onWrite: 'structure' }).rules(resource, 'Patient'), []);
  const [issue] = createResourceValidator({ ...options, onWrite: 'full' })
    .rules(resource, 'Patient')
    .filter(({ severity }) => severity === 'error');
  assert.match(issue!.diagnostics, /pat-1/);
});

test.run();
