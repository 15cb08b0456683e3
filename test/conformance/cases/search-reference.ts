import { type Area, finds, one, TAG, tagged } from '../case.ts';

const REFERENCES = 'search: reference';
const patient = (id: string, more: object): object => tagged(REFERENCES, 'Patient', id, more);
const q = (query: string, ids: readonly string[]): ReturnType<typeof finds> => finds(REFERENCES, query, ids);

export const searchReference: Area = {
  area: REFERENCES,
  spec: 'http://hl7.org/fhir/R4/search.html#reference',
  given: [
    tagged(REFERENCES, 'Organization', 'sr-org', { name: 'Org', identifier: [{ system: 'urn:org', value: '1' }] }),
    tagged(REFERENCES, 'Practitioner', 'sr-doc', { name: [{ family: 'Doc' }] }),
    patient('sr0', { managingOrganization: { reference: 'Organization/sr-org' } }),
    patient('sr1', { managingOrganization: { identifier: { system: 'urn:org', value: '1' } } }),
    patient('sr2', { generalPractitioner: [{ reference: 'Practitioner/sr-doc' }] }),
    patient('sr3', { generalPractitioner: [{ reference: 'https://elsewhere.example.org/fhir/Practitioner/7' }] }),
    patient('sr4', { link: [{ other: { reference: 'Patient/sr0' }, type: 'seealso' }] }),
    ...['1.0', '1.1', '2.0'].map((version, i) =>
      tagged(REFERENCES, 'QuestionnaireResponse', `sr-q${i}`, { status: 'completed', questionnaire: `http://example.org/sr-q|${version}` }),
    ),
    patient('sr-v', { meta: { tag: [{ system: TAG, code: REFERENCES }], profile: ['http://example.org/sr-p|1.2'] } }),
    tagged(REFERENCES, 'Observation', 'sr-o1', { status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/sr0' } }),
    tagged(REFERENCES, 'Observation', 'sr-o2', { status: 'final', code: { text: 'x' }, subject: { reference: 'Location/sr-loc' } }),
    tagged(REFERENCES, 'Observation', 'sr-o3', { status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/sr0/_history/1' } }),
  ],
  cases: [
    q('Patient?organization=Organization/sr-org', ['sr0']),
    q('Patient?organization=sr-org', ['sr0']),
    q('Patient?organization=Organization/none', []),
    q('Patient?organization=organization/sr-org', []),
    q('QuestionnaireResponse?questionnaire=http://example.org/sr-q', ['sr-q0', 'sr-q1', 'sr-q2']),
    q('QuestionnaireResponse?questionnaire=http://example.org/sr-q|1.0', ['sr-q0']),
    q('QuestionnaireResponse?questionnaire:below=http://example.org/sr-q', ['sr-q0', 'sr-q1', 'sr-q2']),
    q('QuestionnaireResponse?questionnaire:below=http://example.org/sr-q|1', ['sr-q0', 'sr-q1']),
    q('Patient?_profile=http://example.org/sr-p', ['sr-v']),
    q('Patient?_profile:below=http://example.org/sr-p|1', ['sr-v']),
    q('Patient?_profile=http://example.org/sr-p|1', []),
    q('Patient?general-practitioner=Practitioner/sr-doc', ['sr2']),
    q('Patient?general-practitioner:Practitioner=sr-doc', ['sr2']),
    q('Patient?general-practitioner=sr-doc', ['sr2']),
    q('Patient?general-practitioner=https://elsewhere.example.org/fhir/Practitioner/7', ['sr3']),
    q('Patient?general-practitioner:missing=true&link:missing=false', ['sr4']),
    q('Patient?organization:identifier=urn:org|1', ['sr1']),
    q('Patient?link=Patient/sr0', ['sr4']),
    q('Observation?subject=Patient/sr0', ['sr-o1', 'sr-o3']),
    q('Observation?subject:Patient=sr0', ['sr-o1', 'sr-o3']),
    q('Observation?patient=sr0', ['sr-o1', 'sr-o3']),
    q('Observation?patient=Patient/sr0', ['sr-o1', 'sr-o3']),
    q('Observation?subject=Location/sr-loc', ['sr-o2']),
    q('Observation?patient:missing=true', ['sr-o2']),
    one('a reference to this server by its whole address', {
      send: 'GET /Observation?subject={base}/Patient/sr0',
      expect: { status: 200, ids: ['sr-o1', 'sr-o3'] },
    }),
  ],
};

const URIS = 'search: uri';
const valueSet = (id: string, url: string): object => tagged(URIS, 'ValueSet', id, { status: 'active', url });
const u = (query: string, ids: readonly string[]): ReturnType<typeof finds> => finds(URIS, query, ids);

export const searchUri: Area = {
  area: URIS,
  spec: 'http://hl7.org/fhir/R4/search.html#uri',
  given: [
    valueSet('su0', 'http://somewhere.example/test/system'),
    valueSet('su1', 'urn:oid:1.2.3.4.5'),
    valueSet('su2', 'http://somewhere.example/test'),
    valueSet('su3', 'http://somewhere.example/testing'),
    tagged(URIS, 'ValueSet', 'su4', { status: 'draft' }),
  ],
  cases: [
    u('ValueSet?url=http://somewhere.example/test/system', ['su0']),
    u('ValueSet?url=http://SOMEWHERE.example/test/system', []),
    u('ValueSet?url=http://somewhere.example/test', ['su2']),
    u('ValueSet?url=urn:oid:1.2.3.4.5', ['su1']),
    u('ValueSet?url=urn:oid:1.2.3.4.5,http://somewhere.example/test', ['su1', 'su2']),
    u('ValueSet?url:below=http://somewhere.example/test/', ['su0']),
    u('ValueSet?url:below=http://somewhere.example', ['su0', 'su2', 'su3']),
    u('ValueSet?url:above=http://somewhere.example/test/system', ['su0', 'su2']),
    u('ValueSet?url:above=http://somewhere.example/test/system/9', ['su0', 'su2']),
    u('ValueSet?url:missing=true', ['su4']),
  ],
};
