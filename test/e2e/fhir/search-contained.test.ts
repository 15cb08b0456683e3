import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idsOf, storeAll, testSearches } from '../../support/search.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const code = (value: string): object => ({ coding: [{ system: 'urn:drug', code: value }] });
const medication = { resourceType: 'Medication', id: 'm', code: code('potion') };

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  await storeAll(stack, [
    { resourceType: 'Patient', id: 'p', name: [{ family: 'P' }] },
    {
      resourceType: 'MedicationRequest',
      id: 'order',
      status: 'active',
      intent: 'order',
      subject: { reference: 'Patient/p' },
      contained: [medication],
      medicationReference: { reference: '#m' },
    },
    {
      resourceType: 'MedicationDispense',
      id: 'given',
      status: 'completed',
      contained: [medication],
      medicationReference: { reference: '#m' },
    },
    { ...medication, id: 'alone' },
  ]);
});
test.after(() => stack.stop());

testSearches(() => stack, {
  '/Medication?code=potion': ['alone'],
  '/Medication?code=potion&_contained=true': ['order', 'given'],
  '/Medication?code=potion&_contained=both': ['alone', 'order', 'given'],
  '/Medication?code=potion&_contained=true&_containedType=contained': ['m', 'm'],
});

const SHOWN = '/Medication?code=potion&_contained=true&_containedType=contained';

test('a contained resource is shown in XML and to a browser, which links to its container', async () => {
  const xml = await stack.request(SHOWN, { headers: { accept: 'application/fhir+xml' } });
  assert.match(xml.text, /<fullUrl value="https:[^"]*\/MedicationRequest\/order#m"\/>\s*<resource>\s*<Medication/);
  const html = await stack.request(SHOWN, { headers: { accept: 'text/html' } });
  assert.is(html.status, 200);
  assert.match(html.text, /href="[^"]*\/MedicationRequest\/order"/);
  assert.not.match(html.text, /href="[^"]*\/Medication\/m"/);
});

test('a container is found only with the scope for its type, whatever is shown of it', async () => {
  const file = join(stack.data, 'config', 'clients.yaml');
  const before = readFileSync(file, 'utf8');
  const by = async (path: string): Promise<string[]> => {
    const answer = await stack.request(path, { client: 'reader-demo' });
    assert.is(answer.status, 200, answer.text);
    assert.is(answer.json.total, idsOf(answer).length);
    return idsOf(answer);
  };
  try {
    writeFileSync(
      file,
      before.replace('[system/*.rs]', '[system/Medication.rs, system/MedicationDispense.rs, system/MedicationRequest.r]'),
    );
    await sleep(2500);
    assert.equal(await by('/Medication?code=potion&_contained=both'), ['alone', 'given']);
    assert.equal(await by(SHOWN), ['m']);
    writeFileSync(file, before.replace('[system/*.rs]', '[system/Medication.rs]'));
    await sleep(2500);
    assert.equal(await by('/Medication?code=potion&_contained=both'), ['alone']);
    assert.equal(await by(SHOWN), []);
    writeFileSync(file, before.replace('[system/*.rs]', '[system/MedicationDispense.rs]'));
    await sleep(2500);
    assert.is((await stack.request(SHOWN, { client: 'reader-demo' })).status, 403);
  } finally {
    writeFileSync(file, before);
  }
});

test.run();
