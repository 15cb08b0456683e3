import { type Area, type Case, one, refuses } from '../case.ts';

const bad = (name: string, resource: Readonly<Record<string, unknown>>, path: RegExp): Case =>
  one(name, {
    send: `POST /${String(resource['resourceType'])}`,
    body: resource,
    expect: { status: [400, 422], has: { resourceType: 'OperationOutcome', 'issue.0': path } },
  });
const good = (name: string, resource: Readonly<Record<string, unknown>>): Case =>
  one(name, { send: `POST /${String(resource['resourceType'])}`, body: resource, expect: { status: 201 } });
const patient = (more: object): Readonly<Record<string, unknown>> => ({ resourceType: 'Patient', ...more });
const observation = (more: object): Readonly<Record<string, unknown>> => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  ...more,
});

export const validation: Area = {
  area: 'validation',
  spec: 'http://hl7.org/fhir/R4/validation.html',
  cases: [
    bad('an element that there isn’t', patient({ nmae: [] }), /nmae/),
    bad('an element one level down that there isn’t', patient({ name: [{ famly: 'x' }] }), /famly/),
    bad('a required element that is missing', { resourceType: 'Observation', status: 'final' }, /code/),
    bad('a list where one is allowed', patient({ gender: ['male'] }), /gender/),
    bad('one where a list belongs', patient({ name: { family: 'x' } }), /name/),
    bad('a number where a text belongs', patient({ name: [{ family: 5 }] }), /family/),
    bad('a text where a boolean belongs', patient({ active: 'true' }), /active/),
    bad('a code outside of its required value set', patient({ gender: 'm' }), /gender/),
    bad('two of a choice', observation({ valueString: 'x', valueInteger: 1 }), /value/),
    bad('a type that a choice hasn’t', observation({ valueAddress: {} }), /valueAddress/),
    bad('a date that is none', patient({ birthDate: '1970-02-30' }), /birthDate/),
    bad('a date with a time', patient({ birthDate: '1970-01-01T00:00:00Z' }), /birthDate/),
    bad('a time without a zone', observation({ effectiveDateTime: '2020-01-01T10:00:00' }), /effectiveDateTime/),
    bad('an instant without seconds', observation({ issued: '2020-01-01T10:00Z' }), /issued/),
    bad('an empty text', patient({ name: [{ family: '' }] }), /family/),
    bad('an empty object', patient({ name: [{}] }), /name/),
    bad('an empty list', patient({ name: [] }), /name/),
    bad('null', patient({ birthDate: null }), /birthDate/),
    bad('a reference to a type that isn’t allowed there', observation({ subject: { reference: 'Medication/1' } }), /subject/),
    bad('an id that is none', patient({ contained: [{ resourceType: 'Patient', id: 'a b' }] }), /id/),
    bad('a uri with a blank', { resourceType: 'ValueSet', status: 'active', url: 'http://a b' }, /url/),
    bad('base64 that is none', { resourceType: 'Binary', contentType: 'text/plain', data: 'ä' }, /data/),
    bad('an extension without url', patient({ extension: [{ valueString: 'x' }] }), /url/),
    bad('an extension with two values', patient({ extension: [{ url: 'urn:x', valueString: 'x', valueCode: 'y' }] }), /extension/),
    bad('an unknown type of contained resource', patient({ contained: [{ resourceType: 'Pacient', id: 'x' }] }), /contained/),
    bad('a decimal as text', observation({ valueQuantity: { value: '1.5' } }), /value/),
    bad('an integer with a fraction', observation({ valueInteger: 1.5 }), /valueInteger/),
    bad('a positiveInt of 0', patient({ telecom: [{ system: 'phone', value: '1', rank: 0 }] }), /rank/),
    good(
      'an extension on a primitive instead of its value',
      patient({ _birthDate: { extension: [{ url: 'urn:x', valueCode: 'unknown' }] } }),
    ),
    good(
      'null in a list beside extensions',
      patient({ name: [{ given: ['A', null], _given: [null, { extension: [{ url: 'urn:x', valueString: 'x' }] }] }] }),
    ),
    good('a nested extension', patient({ extension: [{ url: 'urn:a', extension: [{ url: 'b', valueBoolean: true }] }] })),
    good('a modifierExtension', patient({ modifierExtension: [{ url: 'urn:x', valueBoolean: true }] })),
    good(
      'contained resources and references to them',
      patient({
        contained: [{ resourceType: 'Organization', id: 'o', name: 'x' }],
        managingOrganization: { reference: '#o' },
      }),
    ),
    good('partial dates', patient({ birthDate: '1970-01', deceasedDateTime: '2020' })),
    good('a code outside of a preferred or example value set', patient({ maritalStatus: { coding: [{ system: 'urn:x', code: 'y' }] } })),
    good('a reference by identifier alone', observation({ subject: { identifier: { system: 'urn:x', value: '1' }, display: 'x' } })),
    good('a leap second and a zone of 14 hours', observation({ effectiveDateTime: '2016-12-31T23:59:60+14:00' })),
    refuses('JSON with a fault', 'POST /Patient', 400, { body: '{"resourceType":"Patient",' }),
    refuses('JSON that is no object', 'POST /Patient', 400, { body: '[]' }),
    refuses('a name twice', 'POST /Patient', 400, { body: '{"resourceType":"Patient","active":true,"active":false}' }),
    refuses('another type than the address says', 'POST /Patient', [400, 422], {
      body: { resourceType: 'Observation', status: 'final', code: {} },
    }),
    refuses('no resourceType', 'POST /Patient', [400, 422], { body: { active: true } }),
    refuses('an empty body', 'POST /Patient', 400, { body: '' }),
  ],
};
