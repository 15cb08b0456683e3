import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { createValidator } from '../../../fhir/validation/validator.ts';

const validator = createValidator(loadRegistry());
type Sample = { readonly resourceType: string; readonly [key: string]: unknown };
const issues = (resource: Sample): string[] =>
  validator.validate(resource, resource.resourceType).map(({ expression, diagnostics }) => `${expression} ${diagnostics}`);

const patient = (rest: object): Sample => ({ resourceType: 'Patient', ...rest });
const observation = (rest: object): Sample => ({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, ...rest });
const extended = (value: object): Sample => patient({ extension: [{ url: 'http://example.org/x', ...value }] });
const narrative = (div: unknown): Sample => patient({ text: { status: 'generated', div } });
const html = (inner: string): Sample => narrative(`<div xmlns="http://www.w3.org/1999/xhtml">${inner}</div>`);
const absent = { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }] };
const holder = { contained: [{ resourceType: 'Organization', id: 'o', name: 'x' }], managingOrganization: { reference: '#o' } };

const CLINICAL = 'http://terminology.hl7.org/CodeSystem/condition-clinical';

/** name → [resource, the issue that it must have: the path at the beginning, and what to do] */
const BAD: Readonly<Record<string, readonly [Sample, RegExp]>> = {
  'an object where a text belongs': [patient({ birthDate: {} }), /^Patient\.birthDate .*a date such as/],
  'a text where an object belongs': [patient({ name: ['x'] }), /^Patient\.name\[0\] .*should be an object/],
  'a number in quotes': [observation({ valueInteger: '5' }), /^Observation\.valueInteger .*without quotes/],
  'a boolean in quotes': [patient({ active: 'true' }), /^Patient\.active .*without quotes/],
  'an array where there is one value': [patient({ gender: ['male'] }), /^Patient\.gender .*without the brackets/],
  'one value where there is an array': [patient({ name: { family: 'x' } }), /^Patient\.name .*send an array/],
  'an empty array': [patient({ name: [] }), /^Patient\.name .*at least one element/],
  'an empty object': [patient({ maritalStatus: {} }), /^Patient\.maritalStatus .*leave it out/],
  'an object with an id alone': [patient({ maritalStatus: { id: 'a' } }), /^Patient\.maritalStatus .*ele-1/],
  'an empty text': [patient({ name: [{ family: '' }] }), /^Patient\.name\[0\]\.family .*not empty/],
  'a control character': [patient({ name: [{ family: 'a\u0001' }] }), /family .*control characters/],
  'a text of more than 1 MiB': [patient({ name: [{ family: 'x'.repeat(1_048_577) }] }), /family .*1 048 576/],
  'a null': [patient({ gender: null }), /^Patient\.gender .*leave the element out/],
  'a null in an array of objects': [patient({ name: [null] }), /^Patient\.name\[0\] .*null/],
  'a null in an array of texts without an extension': [patient({ name: [{ given: ['a', null] }] }), /given\[1\] .*null/],
  'a null on both sides': [patient({ name: [{ given: ['a', null], _given: [absent, null] }] }), /given\[1\] .*null/],
  'extensions that are not as many as the values': [
    patient({ name: [{ given: ['a', 'b'], _given: [absent] }] }),
    /_given .*fill the gaps with null/,
  ],
  'a sibling that extends nothing': [patient({ name: [{ given: ['a'], _given: [null] }] }), /_given .*nothing but null/],
  'an id without a value': [patient({ _birthDate: { id: 'a' } }), /^Patient\._birthDate .*ele-1/],
  'a sibling of what is no primitive': [patient({ _name: [absent] }), /no element _name/],
  'a sibling that is no object': [patient({ birthDate: '2020', _birthDate: 'x' }), /^Patient\._birthDate .*object/],
  'an unknown element': [patient({ nmae: [] }), /no element nmae/],
  'an element of another case': [patient({ birthdate: '2020' }), /did you mean birthDate\?/],
  'a resourceType within a datatype': [patient({ name: [{ resourceType: 'HumanName', family: 'x' }] }), /no element resourceType/],
  'a choice without its type': [observation({ value: 'x' }), /no element value/],
  'a choice of a type that is not offered': [observation({ valueDecimal: 1 }), /no element valueDecimal/],
  'a choice twice': [observation({ valueString: 'x', valueInteger: 1 }), /keep one/],
  'a choice twice, once without a value': [observation({ valueString: 'x', _valueInteger: absent }), /keep one/],
  'a required element missing': [{ resourceType: 'Observation', status: 'final' }, /^Observation\.code .*required/],
  'a required element missing deeper': [observation({ component: [{ valueString: 'x' }] }), /component\[0\]\.code .*required/],
  'a required choice missing': [
    { resourceType: 'MedicationStatement', status: 'active', subject: { display: 'x' } },
    /^MedicationStatement\.medication .*required/,
  ],
  'a resource of no type': [
    patient({ contained: [{ id: 'a' }], managingOrganization: { reference: '#a' } }),
    /contained\[0\] .*resourceType/,
  ],
  'an abstract resource': [
    patient({ contained: [{ resourceType: 'DomainResource', id: 'a' }], managingOrganization: { reference: '#a' } }),
    /contained\[0\] .*DomainResource/,
  ],

  'a month that there is not': [patient({ birthDate: '2024-13' }), /birthDate .*a date such as/],
  'a day that its month does not have': [patient({ birthDate: '2023-02-29' }), /birthDate/],
  'the year 0': [patient({ birthDate: '0000-01-01' }), /birthDate/],
  'a year of two digits': [patient({ birthDate: '24-01-01' }), /birthDate/],
  'a date with a time': [patient({ birthDate: '2024-01-01T10:00:00Z' }), /birthDate/],
  'a time without a zone': [observation({ effectiveDateTime: '2024-01-01T10:00:00' }), /zone/],
  'a time without seconds': [observation({ effectiveDateTime: '2024-01-01T10:00Z' }), /seconds/],
  'the hour 24': [observation({ effectiveDateTime: '2024-01-01T24:00:00Z' }), /effectiveDateTime/],
  'a zone beyond 14 hours': [observation({ effectiveDateTime: '2024-01-01T10:00:00+14:30' }), /effectiveDateTime/],
  'an instant without a time': [observation({ issued: '2024-01-01' }), /issued .*an instant/],
  'a time with a zone': [observation({ valueTime: '10:00:00Z' }), /valueTime .*without a zone/],
  'an integer with a fraction': [observation({ valueInteger: 1.5 }), /valueInteger/],
  'an integer of 33 bits': [observation({ valueInteger: 2_147_483_648 }), /32 bits/],
  'a negative unsignedInt': [extended({ valueUnsignedInt: -1 }), /from 0/],
  'a positiveInt that is 0': [patient({ telecom: [{ system: 'phone', rank: 0 }] }), /rank .*from 1/],
  'a decimal that no number holds': [observation({ valueQuantity: { value: Infinity } }), /value .*1e308/],
  'a code with a trailing space': [extended({ valueCode: 'a ' }), /trailing/],
  'a code with two spaces': [extended({ valueCode: 'a  b' }), /double/],
  'an id with an underscore': [patient({ id: 'a_b' }), /^Patient\.id .*an id/],
  'an id of 65 characters': [patient({ id: 'a'.repeat(65) }), /1 to 64/],
  'a URI with a space': [extended({ valueUri: 'http://a b' }), /white space/],
  'an OID that begins with 3': [extended({ valueOid: 'urn:oid:3.1' }), /an OID/],
  'an OID with a leading zero': [patient({ identifier: [{ system: 'urn:oid:1.02', value: 'x' }] }), /system .*an OID/],
  'a UUID that is cut': [extended({ valueUri: 'urn:uuid:c757873d-ec9a-4326-a141' }), /a UUID/],
  'a UUID in upper case': [extended({ valueUuid: 'urn:uuid:C757873D-EC9A-4326-A141-556F43239520' }), /lower case/],
  'base64 that is not filled up': [extended({ valueBase64Binary: 'abc' }), /filled up/],
  'base64 with padding inside': [extended({ valueBase64Binary: 'ab==abcd' }), /base64/],
  'base64 of another alphabet': [extended({ valueBase64Binary: 'ab-_' }), /base64/],

  'a code outside of its value set': [patient({ gender: 'm' }), /^Patient\.gender .*female, male, other, unknown/],
  'a comparator that there is not': [observation({ valueQuantity: { value: 1, comparator: '=' } }), /comparator .*is none of/],
  'a concept outside of its value set': [
    { resourceType: 'Condition', subject: { display: 'x' }, clinicalStatus: { coding: [{ system: CLINICAL, code: 'better' }] } },
    /^Condition\.clinicalStatus .*is none of active/,
  ],
  'a concept of another system': [
    { resourceType: 'Condition', subject: { display: 'x' }, clinicalStatus: { coding: [{ system: 'http://a.b', code: 'active' }] } },
    /^Condition\.clinicalStatus .*a coding of http/,
  ],
  'a required concept in words alone': [
    { resourceType: 'Condition', subject: { display: 'x' }, clinicalStatus: { text: 'active' } },
    /^Condition\.clinicalStatus .*is required here/,
  ],
  'a currency that there is not': [extended({ valueMoney: { value: 1, currency: 'XXQ' } }), /currency .*ISO 4217/],
  'a MIME type that is none': [patient({ photo: [{ contentType: 'picture' }] }), /contentType .*MIME type/],

  'a reference to a type that is not allowed': [observation({ subject: { reference: 'Practitioner/1' } }), /subject .*it is to Device or/],
  'an absolute reference to a type that is not allowed': [
    observation({ subject: { reference: 'https://a.b/fhir/Practitioner/1' } }),
    /to Practitioner isn't allowed/,
  ],
  'a reference to a type that there is not': [extended({ valueReference: { reference: 'Pacient/1' } }), /Pacient is no R4/],
  'a reference that is no address': [observation({ subject: { reference: 'John' } }), /subject\.reference .*Type\/id/],
  'a reference with an id that is none': [observation({ subject: { reference: 'Patient/a_b' } }), /Type\/id/],
  'a type other than that of the reference': [observation({ subject: { reference: 'Patient/1', type: 'Group' } }), /must be the same/],
  'a stated type that is not allowed': [observation({ subject: { type: 'Practitioner', display: 'x' } }), /to Practitioner isn't allowed/],
  'a local reference to nothing': [patient({ managingOrganization: { reference: '#x' } }), /managingOrganization .*ref-1/],

  'a contained resource that nothing refers to': [patient({ contained: holder.contained }), /contained\[0\] .*dom-3/],
  'a contained resource without an id': [patient({ contained: [{ resourceType: 'Organization', name: 'x' }] }), /dom-3/],
  'a contained resource of a type that its reference does not lead to': [
    patient({ ...holder, contained: [{ resourceType: 'Basic', id: 'o', code: { text: 'x' } }] }),
    /^Patient\.managingOrganization .*a reference to Basic isn.t allowed here: it is to Organization$/,
  ],
  'two contained resources of one id': [
    patient({ ...holder, contained: [...holder.contained, ...holder.contained] }),
    /contained\[1\]\.id .*each its own/,
  ],
  'a contained resource in a contained one': [
    patient({ ...holder, contained: [{ ...holder.contained[0]!, contained: [{ resourceType: 'Basic', id: 'b', code: { text: 'x' } }] }] }),
    /contained\[0\]\.contained .*dom-2/,
  ],
  'a contained resource with a version': [
    patient({ ...holder, contained: [{ ...holder.contained[0]!, meta: { versionId: '1' } }] }),
    /contained\[0\]\.meta .*dom-4/,
  ],
  'a contained resource with a security label': [
    patient({ ...holder, contained: [{ ...holder.contained[0]!, meta: { security: [{ code: 'R' }] } }] }),
    /dom-5/,
  ],
  'a contained resource that is wrong': [
    patient({ ...holder, contained: [{ ...holder.contained[0]!, active: 'x' }] }),
    /^Patient\.contained\[0\]\.active/,
  ],

  'a narrative that is no div': [narrative('<p>x</p>'), /one <div>/],
  'a narrative with a script': [html('<script>x</script>'), /^Patient\.text\.div .*txt-1/],
  'a narrative with an event handler': [html('<p onclick="x()">x</p>'), /onclick.*txt-1/],
  'a narrative with a link that runs a script': [html('<a href="JavaScript:x()">x</a>'), /holds a script/],
  'a narrative with a link that runs a script, written by numbers': [
    html('<a href="&#x6A;ava&#115;cript&#58;x()">x</a>'),
    /holds a script/,
  ],
  'a narrative with a link that runs a script, with white space within': [html('<a href=" java&#10;scr\tipt:x()">x</a>'), /holds a script/],
  'a narrative with a link to a page that it holds': [html('<a href="data:text/html,x">x</a>'), /holds a script/],
  'a narrative with a link to a drawing that it holds': [html('<a href="data:image/svg+xml;base64,PHN2Zz4=">x</a>'), /holds a script/],
  'a narrative with a comment that HTML ends at once': [html('<!--><img src="x" onerror="x()"/>-->x'), /a comment/],
  'a narrative with a comment that HTML ends early': [html('<!-- --!><img src="x" onerror="x()"/> -->x'), /a comment/],
  'a narrative with a comment that XML ends nowhere': [html('<!-- x --->x'), /a comment/],
  'a narrative with a form': [html('<input type="text"/>'), /txt-1/],
  'a narrative without anything to read': [html('  <br/> '), /txt-2/],
  'a narrative that is not closed': [html('<p>x'), /<\/p> should/],
  'a narrative with an unquoted attribute': [html('<p class=x>x</p>'), /malformed/],
  'a narrative with an entity of HTML': [html('a&nbsp;b'), /character itself/],
  'a narrative in another namespace': [narrative('<div xmlns="http://a.b">x</div>'), /namespace/],
  'a narrative with two divs': [narrative('<div>x</div><div>y</div>'), /one <div>/],
  'a narrative with a declaration': [html('<!DOCTYPE html>x'), /leave out declarations/],

  'an extension with neither value nor extensions': [extended({}), /extension\[0\] .*ext-1/],
  'an extension with both': [extended({ valueString: 'x', extension: [{ url: 'a', valueString: 'x' }] }), /ext-1/],
  'a period that ends before it starts': [patient({ name: [{ text: 'x', period: { start: '2024-02', end: '2024-01-31' } }] }), /per-1/],
  'a range the wrong way round': [observation({ valueRange: { low: { value: 2 }, high: { value: 1 } } }), /rng-2/],
  'a ratio without a denominator': [observation({ valueRatio: { numerator: { value: 1 } } }), /rat-1/],
  'a unit without its system': [observation({ valueQuantity: { value: 1, code: 'mg' } }), /qty-3/],
  'a comparator in a simple quantity': [observation({ referenceRange: [{ low: { value: 1, comparator: '<' } }] }), /sqty-1/],
  'an attachment of unknown type': [patient({ photo: [{ data: 'abcd' }] }), /att-1/],
  'a phone number without its system': [patient({ telecom: [{ value: '1' }] }), /cpt-2/],
  'a repeat without its unit': [
    {
      resourceType: 'DeviceRequest',
      intent: 'order',
      codeCodeableConcept: { text: 'x' },
      subject: { display: 'x' },
      occurrenceTiming: { repeat: { period: 1 } },
    },
    /occurrenceTiming\.repeat .*tim-2/,
  ],
};
for (const [name, [resource, says]] of Object.entries(BAD)) {
  test(`refuses ${name}`, () => {
    const found = issues(resource);
    assert.ok(
      found.some((issue) => says.test(issue)),
      found.join('\n') || 'it passed',
    );
    assert.is(found.length, 1, `more than it should have said:\n${found.join('\n')}`);
  });
}

for (const [text, at] of [
  ['{"valueInteger":1.0}', 'Observation.valueInteger'],
  ['{"valueInteger" : -1e0 }', 'Observation.valueInteger'],
  ['{"valueInteger":\n12.000}', 'Observation.valueInteger'],
  ['{"valueInteger":-0}', 'Observation.valueInteger'],
  ['{"component":[{"code":{"text":"x"},"valueInteger":10E-1}]}', 'Observation.component[0].valueInteger'],
  ['{"valueSampledData":{"origin":{"value":1.0},"period":1.0,"dimensions":1.0}}', 'Observation.valueSampledData.dimensions'],
] as const) {
  test(`refuses a whole number written as in ${JSON.stringify(text)}`, () => {
    const sent = `{"resourceType":"Observation","status":"final","code":{"text":"x"},${text.slice(1)}`;
    const found = validator.validate(JSON.parse(sent), 'Observation', sent);
    assert.equal(
      found.map(({ expression }) => expression),
      [at],
    );
  });
}

test('takes whole numbers as FHIR writes them, beside decimals of any form and texts that look alike', () => {
  const sent =
    '{"resourceType":"Observation","status":"final","code":{"text":": 1.0, 1e5"},"effectiveDateTime":"2024-01-01T10:00:00.000Z",' +
    '"component":[{"code":{"text":"x"},"valueInteger":0},{"code":{"text":"x"},"valueInteger":-10}],' +
    '"valueSampledData":{"origin":{"value":1.0},"period":1e0,"dimensions":2}}';
  assert.equal(validator.validate(JSON.parse(sent), 'Observation', sent), []);
});

const GOOD: Readonly<Record<string, Sample>> = {
  'a contained image that the narrative shows': {
    ...html('<img src="#i" alt="x"/>'),
    contained: [{ resourceType: 'Binary', id: 'i', contentType: 'image/png', data: 'AAAA' }],
  },
  'a narrative with links to other places and a comment': html(
    '<a href="mailto:a@b.example">a</a><a href="data:application/vnd.openxmlformats;base64,eA==">b</a><!-- - > -->',
  ),
  'a narrative that keeps its blanks': html('<pre xml:space="preserve">a  b</pre>'),
  'a resource that says nothing': patient({}),
  'a contained resource that a reference to any may lead to': {
    ...extended({ valueReference: { reference: '#b' } }),
    contained: [{ resourceType: 'Basic', id: 'b', code: { text: 'x' } }],
  },
  'a value that is absent for a reason': { resourceType: 'Observation', code: { text: 'x' }, _status: absent },
  'a null that keeps the place of an extension': patient({ name: [{ given: ['a', null], _given: [null, absent] }] }),
  'extensions without values': patient({ name: [{ _given: [absent] }] }),
  'an id beside a value': patient({ birthDate: '2020', _birthDate: { id: 'a' } }),
  'the 29th of February': patient({ birthDate: '2024-02-29' }),
  'a leap second': observation({ effectiveDateTime: '2016-12-31T23:59:60Z' }),
  'base64 in lines': extended({ valueBase64Binary: 'ab\ncd ab==' }),
  'a contained resource': patient(holder),
  'a contained resource that refers to its container': patient({
    contained: [
      {
        resourceType: 'Provenance',
        id: 'p',
        target: [{ reference: '#' }],
        recorded: '2020-01-01T00:00:00Z',
        agent: [{ who: { display: 'x' } }],
      },
    ],
  }),
  'a contained resource that a canonical names': {
    resourceType: 'MeasureReport',
    status: 'complete',
    type: 'individual',
    period: { start: '2020' },
    measure: '#m',
    contained: [{ resourceType: 'Measure', id: 'm', status: 'draft' }],
  },
  'a conditional reference, as in a transaction': observation({ subject: { reference: 'Patient?identifier=a|b' } }),
  'a reference to an entry, as in a transaction': observation({ subject: { reference: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520' } }),
  'a concept with a coding more': {
    resourceType: 'Condition',
    subject: { display: 'x' },
    clinicalStatus: {
      coding: [
        { system: 'http://a.b', code: 'x' },
        { system: CLINICAL, code: 'active' },
      ],
    },
  },
  'a period within a year': patient({ name: [{ text: 'x', period: { start: '2024-03', end: '2024' } }] }),
  'a narrative': html(
    '<h1 class="x">T</h1><table border="1"><tr><td colspan="2">a &amp; b &#160;</td></tr></table><img src="#x" alt="y"/><!-- c -->',
  ),
};

for (const [name, resource] of Object.entries(GOOD)) test(`accepts ${name}`, () => assert.equal(issues(resource), []));

test('stops after a hundred issues', () => {
  const names = Array.from({ length: 500 }, () => ({ family: 5 }));
  assert.is(issues(patient({ name: names })).length, 100);
});

test('a long text of any kind costs no stack', () => {
  const long = 'a '.repeat(2_000_000);
  for (const value of [{ valueCode: long }, { valueUri: 'x'.repeat(4_000_000) }]) assert.is(issues(extended(value)).length, 1);
  assert.equal(issues(extended({ valueBase64Binary: 'abcd'.repeat(1_000_000) })), []);
  assert.equal(issues(html('<p class="x">y</p>'.repeat(100_000))), []);
  assert.is(issues(html(`<p ${'class="x" '.repeat(200_000)}`)).length, 1);
});

test.run();
