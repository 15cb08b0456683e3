import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { FhirError } from '../../../fhir/http/outcome.ts';
import { type Asked, selectionOf } from '../../../fhir/presentation/selection.ts';
import { subset } from '../../../fhir/presentation/subset.ts';

const registry = loadRegistry();
const TAG = '{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}';
const select = (query: string, asked: Partial<Asked> = {}): ReturnType<typeof selectionOf> =>
  selectionOf(registry, { type: 'Observation', query, lenient: false, isList: false, ...asked });
const shown = (query: string, text: string, asked: Partial<Asked> = {}): string =>
  subset(registry, text, select(query, asked)!, asked.isList ?? false);
const refuses = (query: string, says: RegExp, asked: Partial<Asked> = {}): void =>
  assert.throws(
    () => select(query, asked),
    (error: unknown) => error instanceof FhirError && error.status === 400 && says.test(error.message),
  );

const OBSERVATION = `{ "resourceType":"Observation", "id":"o", "meta":{"versionId":"1"},
 "text":{"status":"generated","div":"<div>x</div>"}, "extension":[{"url":"urn:x","valueDecimal":2.50}],
 "status":"final", "_status":{"extension":[{"url":"urn:y","valueString":"}"}]}, "code":{"text":"x","extension":[{"url":"urn:z","valueCode":"c"}]},
 "valueQuantity":{"value":1.10,"unit":"\\u00b5g"}, "note":[{"text":"n"}],
 "component":[{"code":{"text":"c"},"valueQuantity":{"value":0.0},"interpretation":[{"text":"high"}]}] }`;

test('_summary=true keeps what the definitions mark, down into backbone elements and datatypes, to the byte', () => {
  assert.is(
    shown('_summary=true', OBSERVATION),
    `{"resourceType":"Observation","id":"o","meta":{"versionId":"1","tag":[${TAG}]},"status":"final",` +
      '"_status":{"extension":[{"url":"urn:y","valueString":"}"}]},"code":{"text":"x"},"valueQuantity":{"value":1.10,"unit":"\\u00b5g"},' +
      '"component":[{"code":{"text":"c"},"valueQuantity":{"value":0.0}}]}',
  );
});

test('_summary=text keeps the narrative and what is mandatory', () => {
  assert.equal(Object.keys(JSON.parse(shown('_summary=text', OBSERVATION)) as object), [
    'resourceType',
    'id',
    'meta',
    'text',
    'status',
    '_status',
    'code',
  ]);
});

test('_summary=data drops the narrative alone', () => {
  const kept = shown('_summary=data', OBSERVATION);
  assert.equal(Object.keys(JSON.parse(kept) as object), [
    'resourceType',
    'id',
    'meta',
    'extension',
    'status',
    '_status',
    'code',
    'valueQuantity',
    'note',
    'component',
  ]);
  assert.ok(kept.includes('"valueDecimal":2.50'));
});

test('_summary=false and no parameter show everything', () => {
  assert.is(select('_summary=false'), undefined);
  assert.is(select('name=x'), undefined);
  assert.is(select('_summary=count', { isList: true }), undefined);
  assert.is(select('_summary=&_elements='), undefined, 'an empty value asks for nothing');
});

test('_elements keeps what is named and what is mandatory, a choice by its name or by one of its members', () => {
  const keys = (names: string): string[] => Object.keys(JSON.parse(shown(`_elements=${names}`, OBSERVATION)) as object);
  const always = ['resourceType', 'id', 'meta', 'status', '_status', 'code'];
  assert.equal(keys('note'), [...always, 'note']);
  assert.equal(keys('value'), [...always, 'valueQuantity']);
  assert.equal(keys('value[x],Observation.note'), [...always, 'valueQuantity', 'note']);
  assert.equal(keys('valueString'), always);
  assert.equal(keys('Patient.name'), Object.keys(JSON.parse(OBSERVATION) as object), 'a list for another type leaves this one whole');
});

test('in a search, elements without a type are of what matched, and what came along stays whole', () => {
  const patient = '{"resourceType":"Patient","id":"p","meta":{},"active":true,"gender":"male"}';
  const bundle = `{"resourceType":"Bundle","entry":[{"resource":${OBSERVATION},"search":{"mode":"match"}},{"resource":${patient},"search":{"mode":"include"}},{"resource":{"resourceType":"OperationOutcome","issue":[]},"search":{"mode":"outcome"}}]}`;
  const whole = shown('_elements=note', bundle, { isList: true });
  assert.ok(whole.includes(patient), whole);
  assert.not.ok(whole.includes('valueQuantity'));
  const both = shown('_elements=note,Patient.gender', bundle, { isList: true });
  assert.ok(both.includes(`{"resourceType":"Patient","id":"p","meta":{"tag":[${TAG}]},"gender":"male"}`), both);
  assert.ok(both.endsWith('{"resource":{"resourceType":"OperationOutcome","issue":[]},"search":{"mode":"outcome"}}]}'));
});

test('the tag joins others, and comes with a meta where there is none', () => {
  const tagged = (meta: string): string => shown('_elements=note', `{"resourceType":"Observation","id":"o"${meta}}`);
  assert.is(tagged(''), `{"resourceType":"Observation","meta":{"tag":[${TAG}]},"id":"o"}`);
  assert.ok(tagged(',"meta":{"tag":[ {"code":"a"} ]}').includes(`"tag":[ {"code":"a"},${TAG} ]`));
  assert.ok(tagged(',"meta":{"tag":[], "source":"x"}').includes(`{"tag":[${TAG}], "source":"x"}`));
});

test('refuses what it cannot mean, and says what to do', () => {
  refuses('_elements=nmae', /Observation has no such element/);
  refuses('_elements=code.text', /code is no resource type/);
  refuses('_elements=Patient.nmae', /Patient has no such element/);
  refuses('_summary=maybe', /none of true, text, data, count, false/);
  refuses('_summary=count', /of searches and histories/);
  refuses('_summary=true&_elements=code', /leave out one/);
  refuses('_summary=text&_include=Observation:subject', /_include/, { isList: true });
  refuses('_summary=text&_revinclude:iterate=Observation:subject', /_revinclude/, { isList: true });
  refuses('_elements:not=code', /no such modifier/);
  assert.is(select('_summary=maybe', { lenient: true }), undefined);
});

test.run();
