import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { referencesIn, requiredBy, targetOf } from '../../../fhir/operation/document-references.ts';

const to = (reference: string): object => ({ reference });

test('a document needs what its Composition refers to, sections within sections too, and no other document', () => {
  const composition = {
    subject: to('Patient/1'),
    encounter: to('Encounter/1'),
    author: [to('Practitioner/1'), { display: 'Somebody' }],
    custodian: to('Organization/1'),
    attester: [{ mode: 'legal', party: to('Practitioner/2') }],
    event: [{ detail: [to('Procedure/1')] }],
    relatesTo: [{ code: 'replaces', targetReference: to('Composition/0') }],
    section: [{ entry: [to('List/1')], section: [{ focus: to('Condition/1'), author: [to('Device/1')], entry: [to('Observation/1')] }] }],
  };
  const found = requiredBy(composition);
  assert.equal(
    found.map(({ reference }) => reference),
    [
      'Patient/1',
      'Encounter/1',
      'Practitioner/1',
      'Organization/1',
      'Practitioner/2',
      'Procedure/1',
      'List/1',
      'Device/1',
      'Condition/1',
      'Observation/1',
    ],
  );
  assert.equal(found.at(-1), { reference: 'Observation/1', at: 'Composition.section[0].section[0].entry[0]', isEntry: true });
  assert.is(found[2]!.at, 'Composition.author[0]');
});

test('references are found wherever they are, each once', () => {
  const resource = { a: [to('X/1'), { b: { c: to('Y/2') } }], d: to('X/1'), extension: [{ valueReference: to('Z/3') }] };
  assert.equal([...referencesIn(resource)].sort(), ['X/1', 'Y/2', 'Z/3']);
  assert.is(referencesIn({ entry: Array.from({ length: 300_000 }, () => ({ item: to('X/1') })) }).length, 1);
});

test('a reference leads to a resource of this server, or nowhere', () => {
  const base = 'http://here/fhir';
  assert.equal(targetOf('Patient/1', base), { type: 'Patient', id: '1', version: undefined });
  assert.equal(targetOf(`${base}/Patient/1/_history/2`, base), { type: 'Patient', id: '1', version: 2 });
  for (const reference of ['http://there/fhir/Patient/1', 'urn:uuid:1', '#x', 'Patient?identifier=1', 'Patient/1/x'])
    assert.is(targetOf(reference, base), undefined, reference);
});

test.run();
