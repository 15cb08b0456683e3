import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isOfExcluded, pinVersions, type WantedVersions } from '../../../fhir/terminology/pinned-versions.ts';
import type { Include, ValueSet } from '../../../fhir/terminology/resources.ts';

const S = 'http://example.org/s';
const wanting = (wanted: Partial<WantedVersions>): WantedVersions => ({
  whereNone: new Map(),
  check: new Map(),
  force: new Map(),
  exclude: [],
  ...wanted,
});
const of = (...include: Include[]): ValueSet => ({ resourceType: 'ValueSet', compose: { include } });
const versions = (wanted: Partial<WantedVersions>, ...include: Include[]): (string | undefined)[] =>
  (pinVersions(wanting(wanted)).pin(of(...include)).compose?.include ?? []).map(({ version }) => version);

test('a version for where none is named leaves one that is named', () => {
  assert.equal(versions({ whereNone: new Map([[S, '2']]) }, { system: S }, { system: S, version: '1' }, { system: 'urn:other' }), [
    '2',
    '1',
    undefined,
  ]);
});

test('a version that is forced counts whatever is named', () => {
  assert.equal(versions({ force: new Map([[S, '2']]), check: new Map([[S, '3']]) }, { system: S }, { system: S, version: '1' }), [
    '2',
    '2',
  ]);
});

test('a version to check by refuses another one', () => {
  const check = new Map([[S, '2']]);
  assert.equal(versions({ check }, { system: S }, { system: S, version: '2' }), ['2', '2']);
  assert.throws(() => versions({ check }, { system: S, version: '1' }), /names the version 1 of .* wants 2/);
});

test('a code system that is excluded is left out, of one version where one is meant', () => {
  assert.equal(versions({ exclude: [S] }, { system: S }, { system: 'urn:other', version: '7' }), ['7']);
  assert.equal(versions({ exclude: [`${S}|1`] }, { system: S, version: '1' }, { system: S, version: '2' }), ['2']);
  assert.is(isOfExcluded({ system: S, version: '1' }, [`${S}|1`]), true);
  assert.is(isOfExcluded({ system: S, version: '2' }, [`${S}|1`]), false);
  assert.is(isOfExcluded({ system: S }, [S]), true);
});

test('what is pinned is told, and a value set stays the same one', () => {
  const { pin, pinned } = pinVersions(wanting({ whereNone: new Map([[S, '2']]) }));
  const valueSet = of({ system: S });
  assert.is(pin(valueSet), pin(valueSet));
  assert.is(pin(pin(valueSet)), pin(valueSet));
  assert.equal([...pinned], [`${S}|2`]);
});

test.run();
