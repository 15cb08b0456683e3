import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { answerFormat, bodyFormat } from '../../../fhir/http/negotiation.ts';
import { FhirError } from '../../../fhir/http/outcome.ts';

const refused = (status: number, says: RegExp) => (error: unknown) =>
  error instanceof FhirError && error.status === status && says.test(error.message);

for (const accept of [
  undefined,
  '',
  '*/*',
  'application/*',
  'application/json',
  'application/fhir+json; charset=utf-8',
  'application/fhir+json;fhirVersion=4.0',
  'image/png, application/json;q=0.1',
  'application/fhir+json;fhirVersion=3.0, application/fhir+json;fhirVersion="4.0"',
]) {
  test(`answers JSON to Accept: ${accept}`, () => assert.is(answerFormat(accept, ''), 'json'));
}

for (const format of ['json', 'application/json', 'application%2Ffhir%2Bjson', 'application/fhir+json', 'text/json']) {
  test(`answers JSON to _format=${format}, whatever Accept says`, () =>
    assert.is(answerFormat('image/png', `name=x&_format=${format}`), 'json'));
}

for (const [accept, format] of [
  ['application/fhir+json;q=0, */*', 'xml'],
  ['*/*, application/json;q=0, text/xml;q=0', 'html'],
  ['application/*;q=0.5, application/fhir+json;q=0', 'xml'],
  ['application/*, text/html;q=0', 'json'],
  ['application/fhir+xml;q=0, */*;q=0.1', 'json'],
  ['application/fhir+json;q=0.5, */*;q=0', 'json'],
] as const) {
  test(`a range with * does not bring back what a more specific one refuses: Accept: ${accept}`, () =>
    assert.is(answerFormat(accept, ''), format));
}

test('refuses with 406 what it cannot show, and says what it can', () => {
  assert.throws(() => answerFormat('image/png', ''), refused(406, /accept application\/fhir\+json/));
  assert.throws(() => answerFormat('application/json;q=0', ''), refused(406, /Accept/));
  assert.throws(() => answerFormat('text/*, text/html;q=0', ''), refused(406, /Accept/));
  assert.throws(() => answerFormat('*/*', '_format=yaml'), refused(406, /_format=yaml/));
});

test('refuses another FHIR version with 406, and in a body with 415', () => {
  assert.throws(() => answerFormat('application/fhir+json; fhirVersion=3.0', ''), refused(406, /fhirVersion=3\.0 .*4\.0/));
  assert.throws(() => answerFormat('*/*', '_format=application/fhir%2Bjson;fhirVersion=5.0'), refused(406, /fhirVersion=5\.0/));
  assert.throws(() => bodyFormat('application/fhir+json;fhirVersion=3.0'), refused(415, /4\.0/));
  assert.is(bodyFormat('application/fhir+json; fhirVersion=4.0'), 'json');
});

test('reads JSON by each of its names and refuses other bodies with 415', () => {
  for (const type of [undefined, 'application/json', 'Application/FHIR+JSON;charset=UTF-8', 'text/json'])
    assert.is(bodyFormat(type), 'json');
  assert.throws(() => bodyFormat('text/csv'), refused(415, /application\/fhir\+json/));
  for (const charset of ['utf-8', 'UTF-8', '"utf-8"', 'utf8']) assert.is(bodyFormat(`application/fhir+xml; charset=${charset}`), 'xml');
  for (const charset of ['iso-8859-1', '"utf-16"']) {
    assert.throws(() => bodyFormat(`application/fhir+json;charset=${charset}`), refused(415, /sent in UTF-8/));
  }
});

test.run();
