/** Source: http://hl7.org/fhir/R4/valueset.html#implicit, http://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.valueSet */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fhirPackage } from '../../support/fhir-package.ts';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres } from '../../support/postgres.ts';

const SNOMED = 'http://snomed.info/sct';
const EDITION = `${SNOMED}/900000000000207008/version/20260101`;
const LOINC = 'http://loinc.org';
const COLOURS = 'http://example.org/colours';
const SHAPES = 'http://example.org/shapes';
const PROFILE = 'http://example.org/StructureDefinition/bound';

const codeSystem = (id: string, url: string, concept: readonly object[], more: object = {}): Readonly<Record<string, unknown>> => ({
  resourceType: 'CodeSystem',
  id,
  url,
  status: 'active',
  content: 'complete',
  concept,
  ...more,
});
const profile = (id: string, valueSet: string): object => ({
  resourceType: 'StructureDefinition',
  id,
  url: `${PROFILE}-${id}`,
  name: id,
  status: 'active',
  kind: 'resource',
  abstract: false,
  type: 'Basic',
  baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Basic',
  derivation: 'constraint',
  differential: {
    element: [
      { id: 'Basic', path: 'Basic' },
      { id: 'Basic.code', path: 'Basic.code', binding: { strength: 'required', valueSet } },
    ],
  },
});
const PACKAGED = [
  codeSystem('sct', SNOMED, [{ code: '1', concept: [{ code: '11', concept: [{ code: '111' }] }] }, { code: '2' }], { version: EDITION }),
  codeSystem('shapes', SHAPES, [{ code: 'round' }], { version: '3', valueSet: `${SHAPES}/vs` }),
  profile('isa', `${SNOMED}?fhir_vs=isa/1`),
  profile('all', `${SHAPES}/vs`),
  profile('unloaded', 'http://example.org/nothing?fhir_vs'),
];
const STORED = [
  codeSystem('loinc', LOINC, [{ code: '8480-6' }, { code: '8462-4' }], { version: '2.72' }),
  codeSystem('colours', COLOURS, [{ code: 'red' }, { code: 'blue' }], { version: '1', valueSet: `${COLOURS}/all` }),
  // Written down: this counts, whatever the address says.
  {
    resourceType: 'ValueSet',
    id: 'written',
    url: `${COLOURS}?fhir_vs`,
    status: 'active',
    compose: { include: [{ system: COLOURS, concept: [{ code: 'red' }] }] },
  },
  {
    resourceType: 'ValueSet',
    id: 'outer',
    url: 'http://example.org/outer',
    status: 'active',
    compose: { include: [{ valueSet: [`${COLOURS}/all`] }, { valueSet: [`${SNOMED}?fhir_vs=isa/11`] }] },
  },
  ...[
    ['o1', LOINC, '8480-6'],
    ['o2', COLOURS, 'red'],
    ['o3', COLOURS, 'blue'],
    ['o4', SNOMED, '111'],
    ['o5', SHAPES, 'round'],
  ].map(([id, system, code]) => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system, code }] },
  })),
] as readonly Readonly<Record<string, unknown>>[];

let fhir: FhirProcess;
let stop: () => Promise<void>;
test.before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'packages-'));
  writeFileSync(join(folder, 'own.tgz'), fhirPackage('example.own', PACKAGED));
  const server = await startPostgres();
  const database = await server.createDatabase();
  fhir = await startFhir(database.appUrl, { FHIR_PACKAGES: folder });
  stop = async () => {
    await fhir.stop();
    await database.drop();
    await server.stop();
    rmSync(folder, { recursive: true });
  };
  for (const body of STORED) {
    const { status, text } = await fhir.request(`/${body['resourceType'] as string}/${body['id'] as string}`, { method: 'PUT', body });
    assert.is(status, 201, text);
  }
});
test.after(() => stop());

const ask = (operation: string, url: string, more = ''): ReturnType<FhirProcess['request']> =>
  fhir.request(`/ValueSet/${operation}?url=${encodeURIComponent(url)}${more}`);

for (const [url, codes] of Object.entries({
  [`${SNOMED}?fhir_vs`]: '1 11 111 2',
  [`${SNOMED}?fhir_vs=isa/11`]: '11 111',
  [`${EDITION}?fhir_vs=isa/11`]: '11 111',
  [`${LOINC}/vs`]: '8480-6 8462-4',
  [`${LOINC}/vs|2.72`]: '8480-6 8462-4',
  [`${SHAPES}?fhir_vs`]: 'round',
  [`${SHAPES}/vs`]: 'round',
  [`${SHAPES}/vs|3`]: 'round',
  [`${COLOURS}/all`]: 'red blue',
  [`${COLOURS}/all|1`]: 'red blue',
  [`${COLOURS}?fhir_vs`]: 'red',
  'http://example.org/outer': 'red blue 11 111',
}))
  test(`$expand of ${url} is ${codes}`, async () => {
    const { status, json, text } = await ask('$expand', url);
    assert.is(status, 200, text);
    assert.is(json.expansion.contains.map(({ code }: { code: string }) => code).join(' '), codes);
    assert.is(json.url, url.split('|')[0]);
  });

for (const [url, says] of Object.entries({
  'http://example.org/nothing?fhir_vs': /code system http:\/\/example.org\/nothing is not loaded/,
  [`${LOINC}/vs|2.71`]: /loinc.org\|2.71 is not loaded/,
  [`${LOINC}/vs/LL1-9`]: /value set http:\/\/loinc.org\/vs\/LL1-9 is not loaded/,
  [`${SNOMED}/1234?fhir_vs`]: /sct\|http:\/\/snomed.info\/sct\/1234 is not loaded/,
  [`${SNOMED}?fhir_vs=refset/1`]: /refset\/1 is not loaded/,
  [`${SNOMED}?fhir_vs=isa/9`]: /is-a names 9/,
  [`${SHAPES}/vs|4`]: /vs\|4 is not loaded/,
  [`${COLOURS}/all|2`]: /all\|2 is not loaded/,
}))
  test(`refuses $expand of ${url}`, async () => {
    const { status, json, text } = await ask('$expand', url);
    assert.is(status, 422, text);
    assert.match(json.issue[0].diagnostics, says);
  });

for (const [url, system, code, result] of [
  [`${SNOMED}?fhir_vs`, SNOMED, '2', true],
  [`${SNOMED}?fhir_vs=isa/1`, SNOMED, '2', false],
  [`${LOINC}/vs`, LOINC, '8480-6', true],
  [`${LOINC}/vs`, LOINC, '1-1', false],
  [`${COLOURS}/all`, COLOURS, 'blue', true],
  [`${SHAPES}/vs`, SHAPES, 'square', false],
  ['http://unitsofmeasure.org/vs', 'http://unitsofmeasure.org', 'mg/dL', true],
  ['http://unitsofmeasure.org/vs', 'http://unitsofmeasure.org', 'furz', false],
] as const)
  test(`$validate-code says ${result} of ${code} in ${url}`, async () => {
    const { status, json, text } = await ask(
      '$validate-code',
      url,
      `&system=${encodeURIComponent(system)}&code=${encodeURIComponent(code)}`,
    );
    assert.is(status, 200, text);
    assert.is(json.parameter.find(({ name }: { name: string }) => name === 'result').valueBoolean, result);
  });

for (const [criterion, found] of Object.entries({
  [`code:in=${SNOMED}?fhir_vs`]: 'o4',
  [`code:in=${LOINC}/vs`]: 'o1',
  [`code:in=${COLOURS}/all`]: 'o2 o3',
  [`code:in=${SHAPES}/vs`]: 'o5',
  [`code:not-in=${COLOURS}/all`]: 'o1 o4 o5',
}))
  test(`finds ${found} by ${criterion}`, async () => {
    const [name, value = ''] = criterion.split(/=(.*)/);
    const { status, json, text } = await fhir.request(`/Observation?${name}=${encodeURIComponent(value)}`);
    assert.is(status, 200, text);
    assert.is(
      (json.entry ?? [])
        .map(({ resource }: { resource: { id: string } }) => resource.id)
        .sort()
        .join(' '),
      found,
    );
  });

for (const [id, system, code, status] of [
  ['isa', SNOMED, '111', 201],
  ['isa', SNOMED, '2', 422],
  ['all', SHAPES, 'round', 201],
  ['all', SHAPES, 'square', 422],
  ['unloaded', 'http://example.org/nothing', 'any', 201],
  ['unloaded', SHAPES, 'round', 422],
] as const)
  test(`a write of ${code} by a binding to the value set of ${id} is answered ${status}`, async () => {
    const body = { resourceType: 'Basic', meta: { profile: [`${PROFILE}-${id}`] }, code: { coding: [{ system, code }] } };
    const answer = await fhir.request('/Basic', { method: 'POST', body });
    assert.is(answer.status, status, answer.text);
  });

test.run();
