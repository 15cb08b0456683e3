import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fhirPackage } from '../../support/fhir-package.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const PROFILE = 'http://example.org/StructureDefinition/coloured';
const COLOURS = 'http://example.org/ValueSet/colours';
const colour = (code: string): object => ({ coding: [{ system: 'http://example.org/colour', code }] });
const basic = (code: string, profile = PROFILE): object => ({ resourceType: 'Basic', meta: { profile: [profile] }, code: colour(code) });

const resources = [
  {
    resourceType: 'StructureDefinition',
    url: PROFILE,
    version: '1',
    type: 'Basic',
    derivation: 'constraint',
    snapshot: {
      element: [
        { id: 'Basic', path: 'Basic' },
        { id: 'Basic.code', path: 'Basic.code', min: 1, binding: { strength: 'required', valueSet: COLOURS } },
      ],
    },
  },
  { resourceType: 'ValueSet', url: COLOURS, status: 'active', compose: { include: [{ system: 'http://example.org/colour' }] } },
  {
    resourceType: 'CodeSystem',
    url: 'http://example.org/colour',
    status: 'active',
    content: 'complete',
    concept: [{ code: 'red', display: 'Red' }, { code: 'blue' }],
  },
];

let stack: Stack;
const folder = mkdtempSync(join(tmpdir(), 'packages-'));
test.before(async () => {
  writeFileSync(join(folder, 'colours.tgz'), fhirPackage('example.colours', resources));
  stack = await startStack({ environment: { fhir: { VALIDATION: 'full', FHIR_PACKAGES: folder } } });
});
test.after(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true });
});

test('a write that claims a profile of a package and breaks it is refused with 422 and the path', async () => {
  assert.is((await stack.request('/Basic', { body: basic('red') })).status, 201);
  const { status, json } = await stack.request('/Basic', { body: basic('green') });
  assert.is(status, 422);
  assert.equal(json.issue[0].expression, ['Basic.code']);
  assert.match(json.issue[0].diagnostics, /green" is not in http:\/\/example\.org\/ValueSet\/colours, which is required/);
  assert.is((await stack.request('/Basic', { body: basic('green', 'http://example.org/unknown') })).status, 201);
});

test('an entry that breaks its profile refuses the transaction', async () => {
  const entry = (resource: object): object => ({ resource, request: { method: 'POST', url: 'Basic' } });
  const before = (await stack.request('/Basic?_summary=count')).json.total;
  const { status, json } = await stack.request('', {
    body: { resourceType: 'Bundle', type: 'transaction', entry: [entry(basic('blue')), entry(basic('green'))] },
  });
  assert.is(status, 422);
  assert.match(json.issue[0].expression[0], /^Bundle\.entry\[1\]\.resource\.code/);
  assert.is((await stack.request('/Basic?_summary=count')).json.total, before);
});

test('a write is checked for the invariants of R4 with VALIDATION=full', async () => {
  const { status, json } = await stack.request('/Patient', { body: { resourceType: 'Patient', contact: [{ gender: 'male' }] } });
  assert.is(status, 422);
  assert.match(json.issue[0].diagnostics, /pat-1/);
});

test('the terminology of a package is served', async () => {
  const { json } = await stack.request(`/ValueSet/$expand?url=${COLOURS}`);
  assert.equal(
    json.expansion.contains.map(({ code }: { code: string }) => code),
    ['red', 'blue'],
  );
  const asked = await stack.request(`/Basic/$validate?profile=${PROFILE}`, { body: { resourceType: 'Basic', code: colour('green') } });
  assert.is(asked.status, 200);
  assert.ok(asked.json.issue.some((issue: any) => issue.severity === 'error' && issue.expression[0] === 'Basic.code'));
});

test.run();
