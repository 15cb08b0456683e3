import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readPackage } from '../../../fhir/definitions/package.ts';
import { supportedProfiles } from '../../../fhir/validation/profile/profile-source.ts';
import { fhirPackage } from '../../support/fhir-package.ts';

const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition';
const R4 = 'http://hl7.org/fhir/StructureDefinition';

test('names the profiles that ship, by what they are about, and no base definition', () => {
  const found = supportedProfiles([]);
  assert.equal(found.get('Patient'), [`${US_CORE}/us-core-patient`]);
  assert.ok(found.get('Observation')!.includes(`${R4}/vitalsigns`));
  assert.ok(found.get('Observation')!.includes(`${US_CORE}/us-core-blood-pressure`));
  for (const [type, urls] of found) assert.not.ok(urls.includes(`${R4}/${type}`), type);
});

for (const withIndex of [true, false]) {
  test(`names those of a package ${withIndex ? 'with' : 'without'} an index, each once`, () => {
    const profile = { resourceType: 'StructureDefinition', url: 'http://example.org/p', type: 'Patient', derivation: 'constraint' };
    const base = { resourceType: 'StructureDefinition', url: `${R4}/Patient`, type: 'Patient', derivation: 'specialization' };
    const shipped = { resourceType: 'StructureDefinition', url: `${US_CORE}/us-core-patient`, type: 'Patient' };
    const { resources } = readPackage(fhirPackage('a.b', [profile, base, shipped], { withIndex }));
    assert.equal(supportedProfiles(resources).get('Patient'), ['http://example.org/p', `${US_CORE}/us-core-patient`]);
  });
}

test.run();
