import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idsOf, storeAll, type TestResource, testRefusals, testSearches } from '../../support/search.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const SNOMED = 'http://snomed.info/sct';
const concept = (code: string, more: object = {}): object => ({ coding: [{ system: SNOMED, code, ...more }] });
const reference = (to: string): object => ({ reference: to });

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  const condition = (id: string, code: object, more: object = {}): TestResource => ({
    resourceType: 'Condition',
    id,
    code,
    subject: reference('Patient/ann'),
    ...more,
  });
  await storeAll(stack, [
    {
      resourceType: 'Patient',
      id: 'ann',
      gender: 'female',
      name: [{ family: 'Straßburger-Łęcki', given: ['Zoë', 'Bjørn'] }],
      address: [{ line: ['12 Æble Allé'], city: 'Göteborg', postalCode: '41101' }],
      identifier: [
        {
          type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }], text: 'Medical record' },
          system: 'urn:hospital',
          value: '123',
        },
      ],
      meta: {
        tag: [{ system: 'urn:tags', code: 'vip', display: 'Very important' }],
        security: [{ system: 'urn:sec', code: 'R' }],
        profile: ['http://example.org/profiles/patient|1.0'],
        source: 'http://example.org/sources/a',
      },
    },
    {
      resourceType: 'Questionnaire',
      id: 'long',
      status: 'active',
      description: `${'Wörter '.repeat(300)}Nadel im Heuhaufen ${'und so fort '.repeat(100)}Schluß`,
    },
    { resourceType: 'Person', id: 'long', address: [{ line: [`${'lang '.repeat(30)}Ende`], city: 'Ort' }] },
    { resourceType: 'Person', id: 'longer', address: [{ line: [`${'lang '.repeat(30)}Anfang`] }] },
    { resourceType: 'Patient', id: 'bob', name: [{ family: 'Strasburg' }], gender: 'male' },
    { resourceType: 'Person', id: 'greek', name: [{ family: 'Μεσόγειος', given: ['Ἀλέξης'] }] },
    { resourceType: 'Patient', id: 'cy', name: [{ text: 'Cy de la Cruz' }] },
    condition('diabetes', concept('73211009', { display: 'Diabetes mellitus' })),
    condition('type2', { ...concept('44054006', { display: 'Diabetes type 2' }), text: 'Zucker' }),
    condition('fever', concept('386661006', { display: 'Fever' })),
    condition('words', { text: 'Headache, not coded', coding: [{ system: 'urn:no-code' }] }),
    condition('both', {
      coding: [
        { system: SNOMED, code: '44054006' },
        { system: SNOMED, code: '386661006' },
      ],
    }),
    condition('stranger', concept('1'), { subject: { identifier: { system: 'urn:hospital', value: '999' } }, recorder: { display: 'x' } }),
    {
      resourceType: 'CodeSystem',
      id: 'sct',
      url: SNOMED,
      status: 'active',
      content: 'complete',
      concept: [
        { code: '64572001', concept: [{ code: '73211009', concept: [{ code: '44054006' }] }, { code: '386661006' }] },
        { code: '1', property: [{ code: 'parent', valueCode: '386661006' }] },
      ],
    },
    {
      resourceType: 'ValueSet',
      id: 'sugar',
      url: 'http://example.org/vs/sugar',
      version: '1.0-Beta',
      status: 'active',
      compose: { include: [{ system: SNOMED, concept: [{ code: '73211009' }, { code: '44054006' }] }] },
    },
    {
      resourceType: 'ValueSet',
      id: 'indirect',
      url: 'http://example.org/vs/indirect',
      status: 'active',
      compose: { include: [{ valueSet: ['http://example.org/vs/sugar'] }], exclude: [{ system: SNOMED, concept: [{ code: '73211009' }] }] },
    },
    {
      resourceType: 'ValueSet',
      id: 'filtered',
      url: 'http://example.org/vs/filtered',
      status: 'active',
      compose: { include: [{ system: SNOMED, filter: [{ property: 'concept', op: 'is-a', value: '1' }] }] },
    },
    {
      resourceType: 'ValueSet',
      id: 'unknown-system',
      url: 'http://example.org/vs/unknown-system',
      status: 'active',
      compose: { include: [{ system: 'urn:none' }] },
    },
    {
      resourceType: 'ValueSet',
      id: 'expanded',
      url: 'http://example.org/vs/expanded',
      status: 'active',
      expansion: { timestamp: '2024-01-01T00:00:00Z', contains: [{ system: SNOMED, code: '386661006' }] },
    },
    { resourceType: 'Location', id: 'campus', name: 'Campus' },
    { resourceType: 'Location', id: 'house', name: 'House', partOf: reference('Location/campus') },
    { resourceType: 'Location', id: 'room', name: 'Room', partOf: reference('Location/house') },
    { resourceType: 'Location', id: 'ring-a', partOf: reference('Location/ring-b') },
    { resourceType: 'Location', id: 'ring-b', partOf: reference('Location/ring-a') },
    { resourceType: 'Location', id: 'berlin', position: { latitude: 52.52, longitude: 13.405 } },
    { resourceType: 'Location', id: 'potsdam', position: { latitude: 52.39, longitude: 13.065 } },
    { resourceType: 'Location', id: 'fiji', position: { latitude: -16.8, longitude: 179.99 } },
    { resourceType: 'Location', id: 'taveuni', position: { latitude: -16.8, longitude: -179.99 } },
    {
      resourceType: 'Encounter',
      id: 'e1',
      status: 'finished',
      class: { code: 'AMB' },
      location: [{ location: reference('Location/room') }],
    },
    ...['text/xml', 'text/xml; charset=UTF-8', 'text/xmlish', 'application/pdf'].map((contentType, i) => ({
      resourceType: 'DocumentReference',
      id: `media${i}`,
      status: 'current',
      content: [{ attachment: { contentType } }],
    })),
    { resourceType: 'QuestionnaireResponse', id: 'v11', status: 'completed', questionnaire: 'http://example.org/q|1.1.3' },
    { resourceType: 'QuestionnaireResponse', id: 'oid', status: 'completed', questionnaire: 'urn:oid:1.2|1.1.3' },
    { resourceType: 'QuestionnaireResponse', id: 'v20', status: 'completed', questionnaire: 'http://example.org/q|2.0' },
    {
      resourceType: 'List',
      id: 'mine',
      status: 'current',
      mode: 'working',
      entry: [{ item: reference('Patient/ann') }, { item: reference('Condition/fever') }],
    },
    {
      resourceType: 'Basic',
      id: 'told',
      code: { text: 'Narrative' },
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Señor &amp; <b>Crème</b> brûlée</div>' },
    },
  ]);
});
test.after(() => stack.stop());

testSearches(() => stack, {
  // Texts.
  '/Patient?family=strassburger': ['ann'],
  '/Patient?family=STRASS': ['ann'],
  '/Patient?family=stras': ['ann', 'bob'],
  [`/Patient?family=${encodeURIComponent('STRASSBURGER-LE\u0328CKI')}`]: ['ann'],
  '/Patient?given=zoe': ['ann'],
  '/Patient?given=bjorn': ['ann'],
  '/Patient?given=bj%C3%B8rn': ['ann'],
  [`/Person?name=${encodeURIComponent('ΜΕΣΟΓΕΙΟΣ')}`]: ['greek'],
  [`/Person?name=${encodeURIComponent('ΜΕΣ')}`]: ['greek'],
  [`/Person?name:contains=${encodeURIComponent('ΕΣ')}`]: ['greek'],
  [`/Person?name=${encodeURIComponent('αλεξησ')}`]: ['greek'],
  '/Patient?family:exact=Stra%C3%9Fburger-%C5%81%C4%99cki': ['ann'],
  '/Patient?family:exact=Strassburger': [],
  '/Patient?family:contains=burg': ['ann', 'bob'],
  '/Questionnaire?description:contains=nadel%20im%20heu': ['long'],
  '/Questionnaire?description:contains=schluss': ['long'],
  [`/Questionnaire?description:contains=${'worter%20'.repeat(11)}`]: ['long'],
  '/Questionnaire?description=nadel': [],
  '/Questionnaire?description:contains=stecknadel': [],
  '/Questionnaire?_filter=description%20co%20nadel': ['long'],
  '/Questionnaire?_filter=description ew schluss': ['long'],
  [`/Person?_filter=address eq "${'lang '.repeat(30)}ende"`]: ['long'],
  '/Person?address:contains=ende': ['long'],
  '/Person?address:contains=endet': [],
  '/Person?address-city:contains=ende': [],
  [`/Person?address=${'lang%20'.repeat(30)}an`]: ['longer'],
  [`/Person?address=${'lang%20'.repeat(30)}`]: ['long', 'longer'],
  [`/Person?address=${'lang%20'.repeat(31)}`]: [],
  '/Patient?name:text=cruz': ['cy'],
  '/Patient?address=12%20aeble': ['ann'],
  '/Patient?address=goteborg': ['ann'],
  '/Patient?address=411': ['ann'],
  '/Patient?given:missing=true': ['bob', 'cy'],
  // Tokens.
  '/Condition?code:text=diabetes': ['diabetes', 'type2'],
  '/Condition?code:text=zuck': ['type2'],
  '/Condition?code:text=head': ['words'],
  '/Patient?_tag:text=very': ['ann'],
  '/Condition?code:not=386661006': ['diabetes', 'type2', 'words', 'stranger'],
  '/Condition?code:not=386661006,1': ['diabetes', 'type2', 'words'],
  '/Condition?code=urn:no-code|': ['words'],
  '/Condition?code:missing=true': [],
  '/Condition?code:missing=false': ['diabetes', 'type2', 'fever', 'words', 'both', 'stranger'],
  '/Condition?code:in=http://example.org/vs/sugar': ['diabetes', 'type2', 'both'],
  '/Condition?code:in=ValueSet/sugar': ['diabetes', 'type2', 'both'],
  '/Condition?code:in=http://example.org/vs/indirect': ['type2', 'both'],
  '/Condition?code:in=http://example.org/vs/expanded': ['fever', 'both'],
  '/Condition?code:not-in=http://example.org/vs/sugar': ['fever', 'words', 'stranger'],
  '/Condition?code:in=http://example.org/vs/filtered': ['stranger'],
  '/Condition?code:below=http://snomed.info/sct|73211009': ['diabetes', 'type2', 'both'],
  '/Condition?code:below=http://snomed.info/sct|386661006': ['fever', 'both', 'stranger'],
  '/Condition?code:above=http://snomed.info/sct|44054006': ['diabetes', 'type2', 'both'],
  '/Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender': ['ann', 'bob'],
  '/Patient?gender:not-in=http://hl7.org/fhir/ValueSet/administrative-gender': ['cy'],
  '/Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|123': ['ann'],
  '/Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|SS|123': [],
  '/Patient?identifier:text=medical': ['ann'],
  '/DocumentReference?contenttype=text/xml': ['media0'],
  '/DocumentReference?contenttype:below=text/xml': ['media0', 'media1'],
  '/DocumentReference?contenttype:below=text/xml,application/pdf': ['media0', 'media1', 'media3'],
  '/DocumentReference?contenttype:below=image/png': [],
  // A token that is a string in the resource has no case.
  '/ValueSet?version=1.0-Beta': ['sugar'],
  '/ValueSet?version=1.0-beta': ['sugar'],
  '/ValueSet?version=1.0-BETA': ['sugar'],
  '/ValueSet?version:not=1.0-BETA': ['indirect', 'filtered', 'expanded', 'unknown-system'],
  '/Patient?_id=ANN': [],
  '/Condition?subject:Patient.gender:not=male': ['diabetes', 'type2', 'fever', 'words', 'both'],
  // References.
  '/Condition?subject:identifier=urn:hospital|999': ['stranger'],
  '/Condition?subject:missing=true': [],
  '/Condition?subject:Patient=ann&code=386661006': ['fever', 'both'],
  '/Condition?subject:Group=Patient/ann': [],
  '/Location?partof:below=Location/campus': ['house', 'room'],
  '/Location?partof:below=house': ['room'],
  '/Location?partof:below=ring-a': ['ring-a', 'ring-b'],
  '/Encounter?location:below=Location/campus': ['e1'],
  '/Encounter?location:below=Location/room': ['e1'],
  '/Location?partof:above=Location/room': ['house', 'room'],
  '/QuestionnaireResponse?questionnaire=http://example.org/q': ['v11', 'v20'],
  '/QuestionnaireResponse?questionnaire=http://example.org/q|2.0': ['v20'],
  '/QuestionnaireResponse?questionnaire:below=http://example.org/q|1.1': ['v11'],
  '/QuestionnaireResponse?questionnaire:below=http://example.org/q': ['v11', 'v20'],
  '/QuestionnaireResponse?questionnaire:below=http://example.org/': [],
  '/QuestionnaireResponse?questionnaire:below=urn:oid:1.2|1.1': ['oid'],
  // Addresses.
  '/ValueSet?url:below=http://example.org/vs': ['sugar', 'indirect', 'filtered', 'expanded', 'unknown-system'],
  '/ValueSet?url:below=http://example.org/v': [],
  '/ValueSet?url:above=http://example.org/vs/sugar/more': ['sugar'],
  '/ValueSet?url:contains=suga': ['sugar'],
  '/ValueSet?url:missing=true': [],
  // What all resources have.
  '/Patient?_tag=urn:tags|vip': ['ann'],
  '/Patient?_tag:not=vip': ['bob', 'cy'],
  '/Patient?_security=R': ['ann'],
  '/Patient?_profile=http://example.org/profiles/patient': ['ann'],
  '/Patient?_profile=http://example.org/profiles/patient|1.0': ['ann'],
  '/Patient?_profile:below=http://example.org/profiles': ['ann'],
  '/Patient?_profile:below=http://example.org/profiles/patient|1': ['ann'],
  '/Patient?_profile:below=http://example.org/profiles/patient|2': [],
  '/Patient?_source=http://example.org/sources/a': ['ann'],
  '/Patient?_id:not=ann': ['bob', 'cy'],
  '/Patient?_id:missing=true': [],
  '/Patient?_id:missing=false&given:missing=false': ['ann'],
  '/Patient?_lastUpdated:missing=true': [],
  '/Patient?_lastUpdated:missing=false': ['ann', 'bob', 'cy'],
  '/?_tag=vip': ['ann'],
  '/Patient?_list=mine': ['ann'],
  '/Condition?_list=List/mine': ['fever'],
  '/Patient?_list=nobody': [],
  '/Condition?_content=mellitus': ['diabetes'],
  '/Condition?_content=diab': ['diabetes', 'type2'],
  '/Condition?_content=DIABETES%20zucker': ['type2'],
  '/Condition?_content=fever,zucker': ['fever', 'type2'],
  '/Condition?_content=fever%20OR%20zucker': ['fever', 'type2'],
  '/Condition?_content=(fever%20or%20mellitus)%20and%20diabetes': ['diabetes'],
  '/Condition?_content=diabetes%20NOT%20zucker': ['diabetes'],
  '/Basic?_text=creme%20senor': ['told'],
  '/Basic?_text=xhtml': [],
  '/Basic?_content=brulee': ['told'],
  '/?_content=goteborg': ['ann'],
  // Places.
  '/Location?near=52.52|13.405|10|km': ['berlin'],
  '/Location?near=52.52|13.405|30|km': ['berlin', 'potsdam'],
  '/Location?near=52.52|13.405|20|[mi_us]': ['berlin', 'potsdam'],
  '/Location?near=52.52|13.405': ['berlin', 'potsdam'],
  '/Location?near=-16.8|180|5|km': ['fiji', 'taveuni'],
  '/Location?near=-16.8|-180|5|km': ['fiji', 'taveuni'],
  '/Location?near=89.99|0|100': [],
  // _filter.
  '/Patient?_filter=given eq "zoe" or family eq "strasburg"': ['ann', 'bob'],
  '/Patient?_filter=name co "burg" and gender eq male': ['bob'],
  '/Patient?_filter=family sw "stras" and not (gender eq male)': ['ann'],
  '/Patient?_filter=family ew "burg"': ['bob'],
  '/Patient?_filter=family ne "strasburg"': ['ann'],
  '/Patient?_filter=gender pr false': ['cy'],
  '/Patient?_filter=(gender eq male or gender eq female) and (family co "lecki")': ['ann'],
  '/Patient?_filter=_id eq cy': ['cy'],
  '/Patient?_filter=_lastUpdated gt 2020-01-01 and _id ne cy': ['ann', 'bob'],
  '/Condition?_filter=code eq http://snomed.info/sct|386661006': ['fever', 'both'],
  '/Condition?_filter=code in http://example.org/vs/sugar': ['diabetes', 'type2', 'both'],
  '/Condition?_filter=code ni http://example.org/vs/sugar': ['fever', 'words', 'stranger'],
  '/Condition?_filter=code ss http://snomed.info/sct|73211009': ['diabetes', 'type2', 'both'],
  '/Condition?_filter=code sb http://snomed.info/sct|44054006': ['diabetes', 'type2', 'both'],
  '/Condition?_filter=subject.name co "zoe" and code eq 386661006': ['fever', 'both'],
  '/Condition?_filter=subject[gender eq female].given eq bjorn and code eq 386661006': ['fever', 'both'],
  '/Condition?_filter=subject[gender eq male].given eq bjorn': [],
  '/Condition?_filter=subject re Patient/ann and code eq 44054006': ['type2', 'both'],
});

testRefusals(() => stack, {
  [`/Questionnaire?description:contains=${'x'.repeat(81)}`]: { status: 400, says: /looks for 80 characters at most/ },
  '/Patient?_filter=given': { status: 400, says: /at character 6/ },
  '/Patient?_filter=given eq "x': { status: 400, says: /second quote/ },
  '/Patient?_filter=given is x': { status: 400, says: /one of eq, ne/ },
  '/Patient?_filter=(given eq x': { status: 400, says: /"\)" was expected/ },
  '/Patient?_filter=given eq x given': { status: 400, says: /"and", "or" or the end/ },
  '/Patient?_filter=shoe eq 1': { status: 400, says: /no search parameter shoe/ },
  '/Patient?_filter=birthdate co 1': { status: 400, says: /is no date/ },
  '/Patient?_filter=birthdate eq soon': { status: 400, says: /is no date/ },
  [`/Patient?_filter=${'('.repeat(50)}given eq x`]: { status: 400, says: /parentheses/ },
  '/Condition?code:in=http://example.org/vs/none': { status: 400, says: /value set http:\/\/example.org\/vs\/none is not loaded/ },
  '/Condition?code:in=http://example.org/vs/unknown-system': { status: 400, says: /urn:none is not loaded/ },
  '/Condition?code:below=73211009': { status: 400, says: /system\|code/ },
  '/Condition?code:below=urn:none|1': { status: 400, says: /urn:none is not loaded/ },
  '/Condition?code:of-type=a|b|c': { status: 400, says: /no Identifier/ },
  '/Patient?identifier:of-type=123': { status: 400, says: /system\|code\|value/ },
  [`/Condition?code:text=${'x'.repeat(81)}`]: { status: 400, says: /looks for 80 characters at most/ },
  '/Patient?gender:text=male': { status: 400, says: /no texts/ },
  '/Condition?subject:below=Patient/ann': { status: 400, says: /no hierarchy/ },
  '/Location?near=here': { status: 400, says: /latitude\|longitude/ },
  '/Location?near=52|13|1|furlong': { status: 400, says: /give a distance/ },
  '/Location?near=152|13|1|km': { status: 400, says: /latitude\|longitude/ },
  '/Condition?_list=$current-problems': { status: 400, says: /of one patient/ },
  '/Condition?_query=everybody&name=x': { status: 400, says: /no named query/ },
  '/Basic?_text=%20': { status: 400, says: /without a word/ },
});

test(':in takes the address that a value set has here, literally', async () => {
  const found = await stack.request(`/Condition?code:in=${stack.system.state.baseUrl}/ValueSet/sugar`);
  assert.equal(idsOf(found).sort(), ['both', 'diabetes', 'type2']);
  // An address here that no resource has may still be the canonical one of another.
  const url = `${stack.system.state.baseUrl}/ValueSet/elsewhere`;
  const include = [{ system: SNOMED, concept: [{ code: '386661006' }] }];
  await stack.request('/ValueSet/moved', {
    method: 'PUT',
    body: { resourceType: 'ValueSet', id: 'moved', url, status: 'active', compose: { include } },
  });
  assert.equal(idsOf(await stack.request(`/Condition?code:in=${url}`)).sort(), ['both', 'fever']);
});

test('forgets what changed: words, places, texts and identifiers of references', async () => {
  const put = (resource: TestResource): Promise<unknown> =>
    stack.request(`/${resource.resourceType}/${resource.id}`, { method: 'PUT', body: resource });
  const found = async (path: string): Promise<string[]> => idsOf(await stack.request(path));
  await put({ resourceType: 'Location', id: 'moving', position: { latitude: 1, longitude: 1 }, name: 'Caravan' });
  assert.equal(await found('/Location?near=1|1|1'), ['moving']);
  assert.equal(await found('/Location?_content=caravan'), ['moving']);
  await put({ resourceType: 'Location', id: 'moving', position: { latitude: 2, longitude: 2 }, name: 'Trailer' });
  assert.equal(await found('/Location?near=1|1|1'), []);
  assert.equal(await found('/Location?_content=caravan'), []);
  assert.equal(await found('/Location?_content=trailer'), ['moving']);
  await stack.request('/Location/moving', { method: 'DELETE' });
  assert.equal(await found('/Location?near=2|2|1'), []);
  assert.equal(await found('/Location?_content=trailer'), []);
});

test.run();
