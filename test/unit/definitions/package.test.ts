import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readPackage, readPackages } from '../../../fhir/definitions/package.ts';
import { fhirPackage } from '../../support/fhir-package.ts';

const valueSet = { resourceType: 'ValueSet', url: 'http://example.org/vs', version: '2', status: 'active' };
const example = { resourceType: 'Patient', id: 'p' };

for (const withIndex of [true, false]) {
  test(`reads the definitions of a package ${withIndex ? 'with' : 'without'} an index, and nothing else`, () => {
    const { name, version, resources } = readPackage(fhirPackage('a.b', [valueSet, example], { withIndex }));
    assert.equal([name, version], ['a.b', '1.0.0']);
    assert.is(resources.length, 1);
    assert.equal([resources[0]!.url, resources[0]!.version], [valueSet.url, '2']);
    assert.equal(resources[0]!.resource(), valueSet);
  });
}

test('names the package that it can not read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'packages-'));
  writeFileSync(join(folder, 'good.tgz'), fhirPackage('a.b', [valueSet]));
  writeFileSync(join(folder, 'README.md'), 'no package');
  assert.is(readPackages(folder).length, 1);
  writeFileSync(join(folder, 'bad.tgz'), 'x');
  assert.throws(() => readPackages(folder), /couldn't read the FHIR package bad\.tgz/);
  writeFileSync(join(folder, 'bad.tgz'), fhirPackage('a.b', [valueSet]).subarray(0, 100));
  assert.throws(() => readPackages(folder), /bad\.tgz/);
  rmSync(folder, { recursive: true });
  assert.throws(() => readPackages(folder), /give one that is there/);
});

test.run();
