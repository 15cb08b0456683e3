import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
const S = 'http://example.org/colours';
const system = (version: string, codes: readonly string[]): Record<string, unknown> => ({
  resourceType: 'CodeSystem',
  id: `colours-${version}`,
  url: S,
  version,
  status: 'active',
  content: 'complete',
  concept: [
    {
      code: 'red',
      display: 'Red',
      designation: [
        { language: 'de', value: 'Rot' },
        { language: 'fr-CH', value: 'Rouge' },
        { use: { system: 'urn:use', code: 'short' }, value: 'R' },
      ],
    },
    { code: 'shade', display: 'Shade', property: [{ code: 'notSelectable', valueBoolean: true }] },
    ...codes.map((code) => ({ code })),
  ],
});
const free = {
  resourceType: 'ValueSet',
  id: 'free',
  url: 'http://example.org/free',
  version: '7',
  status: 'active',
  compose: { include: [{ system: S }] },
};
const fixed = { ...free, id: 'fixed', url: 'http://example.org/fixed', compose: { include: [{ system: S, version: '1' }] } };
const outer = { ...free, id: 'outer', url: 'http://example.org/outer', compose: { include: [{ valueSet: ['http://example.org/fixed'] }] } };

test.before(async () => {
  stack = await startStack();
  for (const body of [system('1', ['old']), system('2', ['new']), free, fixed, outer]) {
    const { status, text } = await stack.request(`/${body['resourceType'] as string}/${body['id'] as string}`, { method: 'PUT', body });
    assert.is(status, 201, text);
  }
});
test.after(() => stack.stop());

const get = async (path: string): Promise<Answer> => stack.request(path);
const codes = ({ json, text, status }: Answer): string[] => {
  assert.is(status, 200, text);
  return (json.expansion.contains ?? []).map(({ code }: { code: string }) => code);
};
const said = ({ json }: Answer): string => json.issue[0].diagnostics as string;
const post = (path: string, ...parameter: object[]): Promise<Answer> =>
  stack.request(path, { body: { resourceType: 'Parameters', parameter } });
const value = ({ json, text }: Answer, name: string): unknown => {
  assert.ok(json.parameter, text);
  const found = json.parameter.find((each: { name: string }) => each.name === name);
  return found && (found.valueBoolean ?? found.valueString ?? found.valueCode);
};

test('$expand goes by the versions of code systems that are asked for', async () => {
  assert.equal(codes(await get('/ValueSet/free/$expand')), ['red', 'shade', 'new']);
  assert.equal(codes(await get(`/ValueSet/free/$expand?system-version=${S}|1`)), ['red', 'shade', 'old']);
  assert.equal(codes(await get(`/ValueSet/fixed/$expand?system-version=${S}|2`)), ['red', 'shade', 'old']);
  assert.equal(codes(await get(`/ValueSet/fixed/$expand?force-system-version=${S}|2`)), ['red', 'shade', 'new']);
  assert.equal(codes(await get(`/ValueSet/outer/$expand?force-system-version=${S}|2`)), ['red', 'shade', 'new']);
  assert.equal(codes(await get(`/ValueSet/free/$expand?check-system-version=${S}|1`)), ['red', 'shade', 'old']);
  const refused = await get(`/ValueSet/outer/$expand?check-system-version=${S}|2`);
  assert.is(refused.status, 422);
  assert.match(said(refused), /names the version 1 of .*colours, and check-system-version wants 2/);
  const missing = await get(`/ValueSet/free/$expand?system-version=${S}|9`);
  assert.is(missing.status, 422);
  assert.match(said(missing), /colours\|9 is not loaded/);
  const listed = { ...free, id: undefined, url: 'urn:listed', compose: { include: [{ system: S, concept: [{ code: 'red' }] }] } };
  const listing = (version: string): Promise<Answer> =>
    post('/ValueSet/$expand', { name: 'valueSet', resource: listed }, { name: 'force-system-version', valueCanonical: `${S}|${version}` });
  assert.equal(codes(await listing('1')), ['red']);
  assert.is((await listing('9')).status, 422, 'nobody knows whether that version has the codes that are listed');
  assert.is((await get(`/ValueSet/free/$expand?system-version=${S}`)).status, 400);
  assert.is((await get(`/ValueSet/free/$expand?system-version=${S}|1&system-version=${S}|2`)).status, 400);
});

test('$expand leaves a code system out that is excluded', async () => {
  assert.equal(codes(await get(`/ValueSet/free/$expand?exclude-system=${S}`)), []);
  assert.equal(codes(await get(`/ValueSet/outer/$expand?exclude-system=${S}|1`)), []);
  assert.equal(codes(await get(`/ValueSet/free/$expand?exclude-system=${S}|2`)), []);
  assert.equal(codes(await get(`/ValueSet/free/$expand?exclude-system=${S}|1`)), ['red', 'shade', 'new']);
});

test('$expand shows the designations that are asked for, and tells what it went by', async () => {
  const shown = async (query: string): Promise<string[]> => {
    const { json } = await get(`/ValueSet/free/$expand?filter=red&${query}`);
    return (json.expansion.contains[0].designation ?? []).map((each: { value: string }) => each.value);
  };
  assert.equal(await shown(''), []);
  assert.equal(await shown('includeDesignations=true'), ['Rot', 'Rouge', 'R']);
  assert.equal(await shown('designation=urn:ietf:bcp:47|fr'), ['Rouge']);
  assert.equal(await shown('designation=urn:use|short&designation=de'), ['Rot', 'R']);
  assert.equal(await shown('designation=de&includeDesignations=false'), []);
  const { json } = await get(`/ValueSet/free/$expand?displayLanguage=de&excludeNotForUI=true&system-version=${S}|1&count=1`);
  assert.equal(json.expansion.parameter, [
    { name: 'displayLanguage', valueString: 'de' },
    { name: 'excludeNotForUI', valueBoolean: true },
    { name: 'system-version', valueUri: `${S}|1` },
    { name: 'count', valueInteger: 1 },
    { name: 'version', valueUri: `${S}|1` },
  ]);
  assert.is(json.expansion.contains[0].display, 'Rot');
});

test('$expand by url and version, by POST, and in XML', async () => {
  assert.is((await get('/ValueSet/$expand?url=http://example.org/free&valueSetVersion=7')).status, 200);
  assert.is((await get('/ValueSet/$expand?url=http://example.org/free&valueSetVersion=8')).status, 422);
  const posted = await post(
    '/ValueSet/$expand',
    { name: 'url', valueUri: 'http://example.org/free' },
    { name: 'activeOnly', valueBoolean: true },
    { name: 'system-version', valueCanonical: `${S}|1` },
    { name: 'count', valueInteger: 2 },
    { name: 'offset', valueInteger: 1 },
  );
  assert.equal(codes(posted), ['shade', 'old']);
  const xml = await stack.request('/ValueSet/$expand', {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+xml', accept: 'application/fhir+xml' },
    body: `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="url"/><valueUri value="http://example.org/free"/></parameter><parameter><name value="includeDefinition"/><valueBoolean value="true"/></parameter></Parameters>`,
  });
  assert.is(xml.status, 200, xml.text);
  assert.match(xml.text, /<compose>.*<code value="new"\/>/s);
});

test('$expand says why it doesn’t go by a context, another day or another resource than the one asked', async () => {
  assert.match(said(await get('/ValueSet/$expand?context=x&contextDirection=incoming')), /infers no value set from a context/);
  assert.match(said(await get('/ValueSet/free/$expand?date=2020-01-01')), /as they are now/);
  assert.is((await get(`/ValueSet/free/$expand?date=${new Date().toISOString()}`)).status, 200);
  assert.match(said(await get('/ValueSet/free/$expand?url=http://example.org/fixed')), /ValueSet\/free is asked already: leave url out/);
  assert.is((await get('/ValueSet/free/$expand?url=http://example.org/free')).status, 200);
});

test('$validate-code goes by version, language, abstract and date', async () => {
  const inFree = (query: string): Promise<Answer> => get(`/ValueSet/free/$validate-code?${query}`);
  assert.is(value(await inFree(`code=old&system=${S}`), 'result'), false);
  assert.is(value(await inFree(`code=old&system=${S}&systemVersion=1`), 'result'), true);
  const coding = { name: 'coding', valueCoding: { system: S, version: '1', code: 'old' } };
  assert.is(value(await post('/ValueSet/free/$validate-code', coding), 'result'), true);
  const both = { coding: [{ system: S, version: '2', code: 'old' }, coding.valueCoding] };
  assert.is(value(await post('/ValueSet/free/$validate-code', { name: 'codeableConcept', valueCodeableConcept: both }), 'result'), true);
  assert.is((await inFree(`code=old&system=${S}&systemVersion=9`)).status, 422);
  assert.is(value(await inFree(`code=red&system=${S}&displayLanguage=fr-CH`), 'display'), 'Rouge');
  assert.is(value(await inFree(`code=shade&system=${S}&abstract=false`), 'result'), false);
  assert.is(value(await inFree(`code=shade&system=${S}&abstract=true`), 'result'), true);
  assert.is((await inFree(`code=red&system=${S}&date=2020`)).status, 400);
  assert.match(
    said(await post('/ValueSet/free/$validate-code', coding, { name: 'display', valueString: 'Old' })),
    /display goes with code/,
  );
  const many = { coding: Array.from({ length: 51 }, (_, i) => ({ system: S, code: `c${i}` })) };
  const versions = { coding: Array.from({ length: 11 }, (_, i) => ({ system: S, version: `v${i}`, code: 'c' })) };
  assert.is((await post('/ValueSet/free/$validate-code', { name: 'codeableConcept', valueCodeableConcept: versions })).status, 413);
  assert.is((await post('/ValueSet/free/$validate-code', { name: 'codeableConcept', valueCodeableConcept: many })).status, 413);
});

test('$validate-code of a code system goes by the version of the coding', async () => {
  const of = (valueCoding: object): Promise<Answer> => post('/CodeSystem/$validate-code', { name: 'coding', valueCoding });
  assert.is(value(await of({ system: S, version: '1', code: 'old' }), 'result'), true);
  assert.is(value(await of({ system: S, version: '2', code: 'old' }), 'result'), false);
  assert.is((await of({ system: S, version: '9', code: 'old' })).status, 422);
  assert.is(value(await get(`/CodeSystem/$validate-code?url=${S}&version=1&code=old`), 'result'), true);
  assert.is(value(await get(`/CodeSystem/$validate-code?url=${S}&code=shade&abstract=false`), 'result'), false);
  assert.is(value(await get(`/CodeSystem/colours-1/$validate-code?code=red&displayLanguage=de`), 'display'), 'Rot');
});

test('parameters that an operation doesn’t have are left aside for who prefers that, and one of later versions is kept anyway', async () => {
  const asked = [
    '/ValueSet/free/$expand?property=x',
    '/ValueSet/free/$validate-code?code=red&unheard=x',
    `/CodeSystem/$validate-code?url=${S}&code=red&unheard=x`,
    `/CodeSystem/$lookup?system=${S}&code=red&unheard=x`,
    `/CodeSystem/$subsumes?system=${S}&codeA=red&codeB=red&unheard=x`,
  ];
  for (const path of asked) {
    assert.is((await get(path)).status, 400, path);
    assert.is((await stack.request(path, { headers: { prefer: 'handling=lenient' } })).status, 200, path);
  }
  assert.is(value(await get('/ValueSet/free/$validate-code?code=red&inferSystem=true'), 'result'), true);
});

test('$lookup goes by version, date and property, $subsumes by the versions of its codings', async () => {
  assert.is((await get(`/CodeSystem/$lookup?system=${S}&code=old`)).status, 404);
  assert.is((await get(`/CodeSystem/$lookup?system=${S}&version=1&code=old`)).status, 200);
  const coding = (name: string, code: string, version = '1'): object => ({ name, valueCoding: { system: S, version, code } });
  assert.is(value(await post('/CodeSystem/$lookup', coding('coding', 'old')), 'version'), '1');
  assert.is((await get(`/CodeSystem/$lookup?system=${S}&code=red&date=2001`)).status, 400);
  const names = async (query: string): Promise<string[]> =>
    (await get(`/CodeSystem/$lookup?system=${S}&code=red&${query}`)).json.parameter.map(({ name }: { name: string }) => name);
  assert.equal(await names('property=designation'), ['name', 'version', 'display', 'designation', 'designation', 'designation']);
  assert.equal(await names('property=lang.fr'), ['name', 'version', 'display', 'designation']);
  assert.equal(await names('property=*'), await names(''));
  const same = await post('/CodeSystem/$subsumes', coding('codingA', 'old'), coding('codingB', 'old'));
  assert.is(value(same, 'outcome'), 'equivalent');
  assert.is((await post('/CodeSystem/$subsumes', coding('codingA', 'old'), coding('codingB', 'old', '2'))).status, 400);
});

test.run();
