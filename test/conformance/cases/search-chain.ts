import { type Area, finds, one, refuses, tagged } from '../case.ts';

const AREA = 'search: chain and _has';
const q = (query: string, ...ids: readonly string[]): ReturnType<typeof finds> => finds(AREA, query, ids);

export const searchChain: Area = {
  area: AREA,
  spec: 'http://hl7.org/fhir/R4/search.html#chaining',
  given: [
    tagged(AREA, 'Organization', 'sx-org', { name: 'Chain Clinic', address: [{ city: 'Bern' }] }),
    tagged(AREA, 'Practitioner', 'sx-doc', { name: [{ family: 'Chainer' }] }),
    tagged(AREA, 'Patient', 'sx-p1', {
      name: [{ family: 'Alpha' }],
      managingOrganization: { reference: 'Organization/sx-org' },
      generalPractitioner: [{ reference: 'Practitioner/sx-doc' }],
    }),
    tagged(AREA, 'Patient', 'sx-p2', { name: [{ family: 'Beta' }] }),
    tagged(AREA, 'Observation', 'sx-o1', {
      status: 'final',
      code: { coding: [{ system: 'urn:x', code: '1' }] },
      subject: { reference: 'Patient/sx-p1' },
    }),
    tagged(AREA, 'Observation', 'sx-o2', {
      status: 'final',
      code: { coding: [{ system: 'urn:x', code: '2' }] },
      subject: { reference: 'Patient/sx-p2' },
    }),
    tagged(AREA, 'DiagnosticReport', 'sx-r1', {
      status: 'final',
      code: { text: 'r' },
      subject: { reference: 'Patient/sx-p1' },
      result: [{ reference: 'Observation/sx-o1' }],
    }),
    tagged(AREA, 'Coverage', 'sx-cov', {
      status: 'active',
      beneficiary: { reference: 'Patient/sx-p1' },
      payor: [{ reference: 'Organization/sx-org' }],
    }),
    tagged(AREA, 'List', 'sx-list', { status: 'current', mode: 'working', entry: [{ item: { reference: 'Organization/sx-org' } }] }),
    tagged(AREA, 'ExplanationOfBenefit', 'sx-eob', {
      status: 'active',
      type: { text: 'x' },
      use: 'claim',
      patient: { reference: 'Patient/sx-p1' },
      created: '2024-01-01',
      insurer: { reference: 'Organization/sx-org' },
      provider: { reference: 'Organization/sx-org' },
      outcome: 'complete',
      careTeam: [{ sequence: 1, provider: { reference: 'Practitioner/sx-doc' } }],
      insurance: [{ focal: true, coverage: { reference: 'Coverage/sx-cov' } }],
    }),
    tagged(AREA, 'Questionnaire', 'sx-q', { url: 'urn:conformance:sx-q', version: '1', status: 'active', title: 'Chained' }),
    tagged(AREA, 'ValueSet', 'sx-vs', { url: 'urn:conformance:sx-both', status: 'active' }),
    tagged(AREA, 'ConceptMap', 'sx-cm', { url: 'urn:conformance:sx-both', status: 'active' }),
    tagged(AREA, 'ConceptMap', 'sx-cm2', {
      status: 'active',
      sourceCanonical: 'urn:conformance:sx-both',
      group: [{ element: [{ code: 'a' }], unmapped: { mode: 'other-map', url: 'urn:conformance:sx-both' } }],
    }),
    tagged(AREA, 'QuestionnaireResponse', 'sx-qr', { questionnaire: 'urn:conformance:sx-q|1', status: 'completed' }),
  ],
  cases: [
    q('ExplanationOfBenefit?coverage.payor._has:List:item:_id=sx-list', 'sx-eob'),
    q('ExplanationOfBenefit?coverage.payor:Organization._has:List:item:_id=sx-list', 'sx-eob'),
    q('Practitioner?_has:ExplanationOfBenefit:care-team:coverage.payor.name=chain', 'sx-doc'),
    q('Practitioner?_has:ExplanationOfBenefit:care-team:coverage.payor:Organization._has:List:item:_id=sx-list', 'sx-doc'),
    q('Organization?_has:Coverage:payor:_has:ExplanationOfBenefit:coverage:_id=sx-eob', 'sx-org'),
    q('Observation?subject:Patient.family=Alpha', 'sx-o1'),
    q('Observation?subject.family=Alpha', 'sx-o1'),
    q('Observation?patient.family=alp', 'sx-o1'),
    q('Observation?patient.family=Alpha,Beta', 'sx-o1', 'sx-o2'),
    q('Observation?patient._id=sx-p2', 'sx-o2'),
    q('Patient?general-practitioner:Practitioner.family=Chainer', 'sx-p1'),
    q('Patient?organization.name=Chain', 'sx-p1'),
    q('Observation?patient.organization.name=Chain', 'sx-o1'),
    q('DiagnosticReport?result.patient.organization.address-city=Bern', 'sx-r1'),
    q('DiagnosticReport?result.code=urn:x|1&patient.family=Alpha', 'sx-r1'),
    q('Observation?patient.family:exact=alpha'),
    q('Observation?subject:Patient.family:contains=lph', 'sx-o1'),
    q('Observation?subject:Patient.organization:missing=true', 'sx-o2'),
    q('Observation?subject:Patient.general-practitioner:missing=false', 'sx-o1'),
    q('Patient?_has:Observation:patient:code:not=urn:x|1', 'sx-p2'),
    q('Patient?_has:Observation:patient:_has:DiagnosticReport:result:status=final', 'sx-p1'),
    q('DiagnosticReport?subject:Patient._has:Coverage:beneficiary:_id=sx-cov', 'sx-r1'),
    one('_has over several types', {
      send: 'GET /?_type=Patient,Device&_has:Observation:subject:code=urn:x|1',
      expect: { status: 200, ids: ['sx-p1'] },
    }),
    q('Patient?_has:Observation:patient:code=urn:x|1', 'sx-p1'),
    q('Patient?_has:Observation:patient:code=urn:x|1,urn:x|2', 'sx-p1', 'sx-p2'),
    q('Patient?_has:Observation:subject:code=urn:x|2&family=Beta', 'sx-p2'),
    q('Organization?_has:Patient:organization:family=Alpha', 'sx-org'),
    q('Organization?_has:Patient:organization:_has:Observation:patient:code=urn:x|1', 'sx-org'),
    q('Observation?patient._has:DiagnosticReport:patient:status=final', 'sx-o1'),
    q('QuestionnaireResponse?questionnaire.title=Chained', 'sx-qr'),
    q('Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed', 'sx-q'),
    q('Questionnaire?_has:QuestionnaireResponse:questionnaire:status=in-progress'),
    q('Questionnaire?_id=sx-q&_has:QuestionnaireResponse:questionnaire:status=completed', 'sx-q'),
    q('Questionnaire?_id=sx-q&_has:QuestionnaireResponse:questionnaire:status=in-progress'),
    one('_revinclude follows canonical addresses', {
      send: 'GET /Questionnaire?_id=sx-q&_revinclude=QuestionnaireResponse:questionnaire',
      expect: { status: 200, ids: ['sx-q'], included: ['sx-qr'] },
    }),
    one('one address that leads to two types by two parameters leads to both', {
      send: 'GET /ConceptMap?_id=sx-cm2&_include=ConceptMap:source&_include=ConceptMap:other',
      expect: { status: 200, ids: ['sx-cm2'], included: ['sx-cm', 'sx-vs'] },
    }),
    one('_include follows canonical addresses', {
      send: 'GET /QuestionnaireResponse?_id=sx-qr&_include=QuestionnaireResponse:questionnaire',
      expect: { status: 200, ids: ['sx-qr'], included: ['sx-q'] },
    }),
    refuses('a chain through what is no reference', 'GET /Observation?code.text=x', 400),
    refuses('a chain to a parameter that the target hasn’t', 'GET /Patient?organization.birthdate=2000', 400),
  ],
};

const INCLUDES = 'search: include';
const includes = (query: string, ids: readonly string[], included: readonly string[]): ReturnType<typeof one> =>
  one(query, { send: `GET /${query}`, expect: { status: 200, ids, included } });

export const searchInclude: Area = {
  area: INCLUDES,
  spec: 'http://hl7.org/fhir/R4/search.html#include',
  given: [
    tagged(INCLUDES, 'Organization', 'sn-parent', { name: 'Parent' }),
    tagged(INCLUDES, 'Organization', 'sn-org', { name: 'Child', partOf: { reference: 'Organization/sn-parent' } }),
    tagged(INCLUDES, 'Patient', 'sn-p', { managingOrganization: { reference: 'Organization/sn-org' } }),
    tagged(INCLUDES, 'Practitioner', 'sn-doc', {}),
    tagged(INCLUDES, 'Location', 'sn-l1', { partOf: { reference: 'Location/sn-l2' } }),
    tagged(INCLUDES, 'Location', 'sn-l2', { partOf: { reference: 'Location/sn-l1' } }),
    tagged(INCLUDES, 'Patient', 'sn-far', { managingOrganization: { reference: 'http://example.org/Organization/1' } }),
    tagged(INCLUDES, 'Location', 'sn-self', { partOf: { reference: 'Location/sn-self' } }),
    tagged(INCLUDES, 'Observation', 'sn-o1', {
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/sn-p' },
      performer: [{ reference: 'Practitioner/sn-doc' }, { reference: 'Organization/sn-org' }],
    }),
    tagged(INCLUDES, 'Observation', 'sn-o2', { status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/sn-p' } }),
  ],
  cases: [
    includes('Observation?_id=sn-o1&_include=Observation:subject', ['sn-o1'], ['sn-p']),
    includes('Observation?_id=sn-o1&_include=Observation:patient', ['sn-o1'], ['sn-p']),
    includes('Observation?_id=sn-o1,sn-o2&_include=Observation:subject', ['sn-o1', 'sn-o2'], ['sn-p']),
    includes('Observation?_id=sn-o1&_include=Observation:performer', ['sn-o1'], ['sn-doc', 'sn-org']),
    includes('Observation?_id=sn-o1&_include=Observation:performer:Practitioner', ['sn-o1'], ['sn-doc']),
    includes('Observation?_id=sn-o1&_include=Observation:subject&_include=Observation:performer', ['sn-o1'], ['sn-p', 'sn-doc', 'sn-org']),
    includes('Observation?_id=sn-o1&_include=Observation:subject&_include:iterate=Patient:organization', ['sn-o1'], ['sn-p', 'sn-org']),
    includes('Patient?_id=sn-p&_revinclude=Observation:subject', ['sn-p'], ['sn-o1', 'sn-o2']),
    includes('Patient?_id=sn-p&_include=Patient:organization&_include:iterate=Organization:partof', ['sn-p'], ['sn-org', 'sn-parent']),
    includes('Location?_id=sn-l1&_include:iterate=Location:partof', ['sn-l1'], ['sn-l2']),
    includes('Location?_id=sn-l1&_revinclude:iterate=Location:partof', ['sn-l1'], ['sn-l2']),
    includes('Patient?_id=sn-far&_include=Patient:organization', ['sn-far'], []),
    includes(
      'Patient?_id=sn-p&_revinclude=Observation:subject&_include:iterate=Observation:performer',
      ['sn-p'],
      ['sn-o1', 'sn-o2', 'sn-doc', 'sn-org'],
    ),
    {
      name: 'each page includes what belongs to its own matches',
      steps: [
        {
          send: 'GET /Observation?_id=sn-o1,sn-o2&_sort=_id&_count=1&_include=Observation:performer',
          expect: { status: 200, order: ['sn-o1'], included: ['sn-doc', 'sn-org'] },
        },
        {
          send: 'GET /Observation?_id=sn-o1,sn-o2&_sort=-_id&_count=1&_include=Observation:performer',
          expect: { status: 200, order: ['sn-o2'], included: [] },
        },
      ],
    },
    includes('Observation?_id=sn-o2&_include=Observation:*', ['sn-o2'], ['sn-p']),
    includes('Location?_id=sn-self&_include=Location:partof', ['sn-self'], []),
    includes('Location?_id=sn-self&_revinclude=Location:partof', ['sn-self'], []),
    includes(
      'Organization?_id=sn-parent&_revinclude=Organization:partof&_revinclude:iterate=Patient:organization',
      ['sn-parent'],
      ['sn-org', 'sn-p'],
    ),
    {
      name: 'what is deleted is not included, neither way',
      steps: [
        { send: 'PUT /Organization/sn-gone', body: { resourceType: 'Organization', id: 'sn-gone', name: 'x' } },
        {
          send: 'PUT /Patient/sn-left',
          body: { resourceType: 'Patient', id: 'sn-left', managingOrganization: { reference: 'Organization/sn-gone' } },
        },
        { send: 'DELETE /Organization/sn-gone' },
        { send: 'GET /Patient?_id=sn-left&_include=Patient:organization', expect: { status: 200, ids: ['sn-left'], included: [] } },
        { send: 'PUT /Organization/sn-gone', body: { resourceType: 'Organization', id: 'sn-gone', name: 'x' } },
        { send: 'DELETE /Patient/sn-left' },
        { send: 'GET /Organization?_id=sn-gone&_revinclude=Patient:organization', expect: { ids: ['sn-gone'], included: [] } },
      ],
    },
    one('a total counts no includes', {
      send: 'GET /Patient?_id=sn-p&_revinclude=Observation:subject&_total=accurate',
      expect: { status: 200, has: { total: 1, 'entry.#': 3 } },
    }),
    refuses('an _include of a type that there isn’t', 'GET /Observation?_include=Observation:subject:Pacient', 400),
    refuses('_include together with _summary=text', 'GET /Observation?_include=Observation:subject&_summary=text', 400),
    one('_revinclude=* is served or refused, and fails in no other way', {
      send: 'GET /Patient?_id=sn-p&_revinclude=*',
      expect: { status: [200, 400] },
    }),
    refuses('an _include of a parameter that there isn’t', 'GET /Observation?_include=Observation:nothing', 400),
    refuses('an _include that isn’t Type:parameter', 'GET /Observation?_include=subject', 400),
  ],
};
