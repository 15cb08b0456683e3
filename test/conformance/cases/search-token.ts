import { type Area, finds, refuses, tagged } from '../case.ts';

const AREA = 'search: token';
const observation = (id: string, value: object, more: object = {}): object =>
  tagged(AREA, 'Observation', id, {
    status: 'registered',
    code: { coding: [{ system: 'urn:system', code: 'code' }] },
    valueCodeableConcept: value,
    ...more,
  });
const coding = (system: string | undefined, code: string, display?: string): object => ({
  ...(system && { system: `urn:${system}` }),
  code,
  ...(display && { display }),
});
const q = (query: string, ids: readonly string[]): ReturnType<typeof finds> => finds(AREA, query, ids);

export const searchToken: Area = {
  area: AREA,
  spec: 'http://hl7.org/fhir/R4/search.html#token',
  given: [
    observation('st0', { coding: [coding('s1', 'code1')] }),
    observation('st1', { coding: [coding('s2', 'code2')] }),
    observation('st2', { text: 'text' }),
    observation('st3', { coding: [coding('s1', 'code2', 'text2')] }),
    observation('st4', { coding: [coding('s3', 'code3', 'text')] }),
    observation('st5', { coding: [coding('s1', 'code1'), coding('s3', 'code2')], text: 'text' }),
    observation('st6', { coding: [coding('s2', 'code1'), coding('s3', 'code3', 'text2')] }),
    observation('st7', { coding: [coding(undefined, 'code3')] }),
    observation('st8', { text: 'none' }, { category: [{ coding: [coding('cat', 'test')] }] }),
    observation('st9', { text: 'none' }, { identifier: [{ system: 'urn:id', value: 'VALUE' }, { value: 'alone' }] }),
    tagged(AREA, 'Patient', 'st-p1', {
      active: true,
      gender: 'female',
      telecom: [
        { system: 'phone', value: '555-1234' },
        { system: 'email', value: 'a@example.org' },
      ],
      identifier: [
        {
          type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
          system: 'urn:mrn',
          value: '4711',
        },
      ],
    }),
    tagged(AREA, 'Patient', 'st-p2', { active: false, gender: 'male', deceasedBoolean: true, language: 'de' }),
    tagged(AREA, 'Patient', 'st-p3', { deceasedDateTime: '2020-01-01' }),
  ],
  cases: [
    q('Observation?value-concept=a', []),
    q('Observation?value-concept=code1', ['st0', 'st5', 'st6']),
    q('Observation?value-concept=code3', ['st4', 'st6', 'st7']),
    q('Observation?value-concept=urn:s2|code2', ['st1']),
    q('Observation?value-concept=|code2', []),
    q('Observation?value-concept=|code3', ['st7']),
    q('Observation?value-concept=urn:none|', []),
    q('Observation?value-concept=urn:s3|', ['st4', 'st5', 'st6']),
    q('Observation?value-concept=code1,urn:s2|code2', ['st0', 'st1', 'st5', 'st6']),
    q('Observation?value-concept=code1&value-concept=code3', ['st6']),
    q('Observation?value-concept:not=code1', ['st1', 'st2', 'st3', 'st4', 'st7', 'st8', 'st9']),
    q('Observation?value-concept:not=code1,code2', ['st2', 'st4', 'st7', 'st8', 'st9']),
    q('Observation?category:not=test', ['st0', 'st1', 'st2', 'st3', 'st4', 'st5', 'st6', 'st7', 'st9']),
    q('Observation?category:missing=false', ['st8']),
    q('Observation?value-concept:text=text', ['st2', 'st3', 'st4', 'st5', 'st6']),
    q('Observation?value-concept:text=text2', ['st3', 'st6']),
    q('Observation?value-concept:text=code1', []),
    q('Observation?identifier=urn:id|VALUE', ['st9']),
    q('Observation?identifier=|alone', ['st9']),
    q('Observation?status=registered&category=test', ['st8']),
    q('Patient?gender=female', ['st-p1']),
    q('Patient?gender=http://hl7.org/fhir/administrative-gender|female', ['st-p1']),
    q('Patient?gender:not=female', ['st-p2', 'st-p3']),
    q('Patient?active=true', ['st-p1']),
    q('Patient?active=false', ['st-p2']),
    q('Patient?deceased=true', ['st-p2', 'st-p3']),
    q('Patient?deceased=false', ['st-p1']),
    q('Patient?phone=555-1234', ['st-p1']),
    q('Patient?email=a@example.org', ['st-p1']),
    q('Patient?telecom=phone|555-1234', ['st-p1']),
    q('Patient?identifier=urn:mrn|4711', ['st-p1']),
    q('Patient?identifier=4711', ['st-p1']),
    q('Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|4711', ['st-p1']),
    q('Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|SS|4711', []),
    q('Patient?_id=st-p1,st-p2', ['st-p1', 'st-p2']),
    q('Patient?_id=nobody', []),
    refuses('a token with three parts', 'GET /Patient?identifier=a|b|c', 400),
  ],
};
