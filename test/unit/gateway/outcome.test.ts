import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { fromXmlInTurns } from '../../../fhir/xml/from-xml.ts';
import { inJson, inXml, isXmlWanted } from '../../../gateway/authz/outcome.ts';

test('writes XML to who takes nothing else, by Accept or by _format', () => {
  for (const accept of ['application/fhir+xml', 'application/fhir+xml;q=1.0, application/xml+fhir', 'text/xml', 'Application/FHIR+XML'])
    assert.ok(isXmlWanted(accept, '/fhir/Patient'), accept);
  for (const accept of ['', '*/*', 'application/fhir+xml, application/fhir+json;q=0.1', 'application/xml;q=0.9,*/*;q=0.8', 'image/png'])
    assert.not.ok(isXmlWanted(accept, '/fhir/Patient'), accept);
  for (const query of ['_format=xml', 'a=b&_format=application%2Ffhir%2Bxml']) assert.ok(isXmlWanted('*/*', `/fhir/Patient?${query}`));
  assert.not.ok(isXmlWanted('application/fhir+xml', '/fhir/Patient?_format=json&name=xml'));
  assert.ok(isXmlWanted('application/fhir+xml', '/fhir/Patient?_format='));
});

test('the XML says what the JSON says, whatever stands in it', async () => {
  const refusal = { code: 'forbidden', diagnostics: `a <b> & "c" 'd' ü` };
  assert.equal(JSON.parse(await fromXmlInTurns(inXml(refusal).text, loadRegistry())), JSON.parse(inJson(refusal).text));
  const control = inXml({ ...refusal, diagnostics: 'a\u0001b\uffffc' });
  assert.is(JSON.parse(await fromXmlInTurns(control.text, loadRegistry())).issue[0].diagnostics, 'a b c');
});

test.run();
