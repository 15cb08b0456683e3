import { type Area, finds, one, refuses, TAG, tagged } from '../case.ts';

const AREA = 'search: special';
const q = (query: string, ...ids: readonly string[]): ReturnType<typeof finds> => finds(AREA, query, ids);
const SNOMED = 'http://snomed.info/sct';
const condition = (id: string, code: string, more: object = {}): object =>
  tagged(AREA, 'Condition', id, { subject: { reference: 'Patient/sl-p1' }, code: { coding: [{ system: 'urn:cs', code }] }, ...more });

export const searchSpecial: Area = {
  area: AREA,
  spec: 'http://hl7.org/fhir/R4/search.html#all',
  given: [
    {
      resourceType: 'Patient',
      id: 'sl-p1',
      meta: {
        tag: [{ system: TAG, code: AREA }],
        profile: ['http://example.org/fhir/StructureDefinition/special'],
        security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }],
        source: 'urn:source:1',
      },
      name: [{ family: 'Special' }],
    },
    tagged(AREA, 'Patient', 'sl-p2', { name: [{ family: 'Ordinary' }], birthDate: '1970-01-01' }),
    tagged(AREA, 'Practitioner', 'sl-d1', { name: [{ family: 'Special' }] }),
    tagged(AREA, 'List', 'sl-list', { status: 'current', mode: 'working', entry: [{ item: { reference: 'Patient/sl-p2' } }] }),
    tagged(AREA, 'List', 'sl-problems', {
      status: 'current',
      mode: 'working',
      code: { coding: [{ system: 'http://loinc.org', code: '46105-3' }] },
      subject: { reference: 'Patient/sl-p1' },
      entry: [{ item: { reference: 'Condition/sl-cb' } }],
    }),
    tagged(AREA, 'CodeSystem', 'sl-cs', {
      url: 'urn:cs',
      status: 'active',
      content: 'complete',
      hierarchyMeaning: 'is-a',
      concept: [{ code: 'a', concept: [{ code: 'a1' }, { code: 'a2', concept: [{ code: 'a21' }] }] }, { code: 'b' }],
    }),
    tagged(AREA, 'ValueSet', 'sl-vs', {
      url: 'urn:vs',
      status: 'active',
      compose: { include: [{ system: 'urn:cs', concept: [{ code: 'a1' }, { code: 'b' }] }] },
    }),
    condition('sl-ca', 'a'),
    condition('sl-ca1', 'a1'),
    condition('sl-ca21', 'a21'),
    condition('sl-cb', 'b', { bodySite: [{ coding: [{ system: SNOMED, code: '1' }] }] }),
    tagged(AREA, 'MedicationRequest', 'sl-mr', {
      status: 'active',
      intent: 'order',
      subject: { reference: 'Patient/sl-p1' },
      contained: [tagged(AREA, 'Medication', 'sl-inner', { code: { coding: [{ system: 'urn:drug', code: 'sl-c' }] } })],
      medicationReference: { reference: '#sl-inner' },
    }),
    tagged(AREA, 'Medication', 'sl-outer', { code: { coding: [{ system: 'urn:drug', code: 'sl-c' }] } }),
    tagged(AREA, 'Location', 'sl-l1', { name: 'near', position: { longitude: 7.45, latitude: 46.95 } }),
    tagged(AREA, 'Location', 'sl-l2', { name: 'far', position: { longitude: 8.54, latitude: 47.37 } }),
  ],
  cases: [
    q('Patient?_profile=http://example.org/fhir/StructureDefinition/special', 'sl-p1'),
    q('Patient?_security=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R', 'sl-p1'),
    q('Patient?_source=urn:source:1', 'sl-p1'),
    q('Patient?_list=sl-list', 'sl-p2'),
    q('Condition?patient=sl-p1&_list=$current-problems', 'sl-cb'),
    refuses('a functional list of nobody', 'GET /Condition?_list=$current-problems', 400),
    refuses('a functional list that R4 has not', 'GET /Condition?patient=sl-p1&_list=$current-worries', 400),
    refuses('a named query that nobody has defined', 'GET /Patient?_query=everybody', 400, {
      expect: { status: 400, has: { 'issue.0.diagnostics': /no named query/ } },
    }),
    q('Patient?_filter=family eq "Special"', 'sl-p1'),
    q('Patient?_filter=family sw "Ord" and birthdate lt 1980', 'sl-p2'),
    q('Patient?_filter=(family eq "Special" or birthdate eq 1970-01-01) and not(gender eq male)', 'sl-p1', 'sl-p2'),
    q('Condition?code:in=urn:vs', 'sl-ca1', 'sl-cb'),
    q('Condition?code:not-in=urn:vs', 'sl-ca', 'sl-ca21'),
    q('Condition?code:below=urn:cs|a', 'sl-ca', 'sl-ca1', 'sl-ca21'),
    q('Condition?code:above=urn:cs|a21', 'sl-ca', 'sl-ca21'),
    q('Medication?code=urn:drug|sl-c', 'sl-outer'),
    q('Medication?code=urn:drug|sl-c&_contained=false', 'sl-outer'),
    q('Medication?code=urn:drug|sl-c&_contained=true', 'sl-mr'),
    q('Medication?code=urn:drug|sl-c&_contained=both', 'sl-outer', 'sl-mr'),
    q('Medication?code=urn:drug|sl-c&_contained=true&_containedType=container', 'sl-mr'),
    one('_containedType=contained answers the contained resource, under the address of its container', {
      send: 'GET /Medication?code=urn:drug|sl-c&_contained=true&_containedType=contained',
      expect: {
        status: 200,
        ids: ['sl-inner'],
        has: { 'entry.0.fullUrl': /\/MedicationRequest\/sl-mr#sl-inner$/, 'entry.0.resource.resourceType': 'Medication' },
      },
    }),
    refuses('_contained with a value of its own', 'GET /Medication?_contained=maybe', 400),
    q('Location?near=46.95|7.45|10|km', 'sl-l1'),
    q('Location?near=46.95|7.45|200|km', 'sl-l1', 'sl-l2'),
    one('all types that _type names', {
      send: `GET /?_type=Patient,Practitioner&_tag=${TAG}|${AREA}`,
      expect: { status: 200, ids: ['sl-p1', 'sl-p2', 'sl-d1'] },
    }),
    one('POST /_search', {
      send: 'POST /_search',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: '_type=Practitioner&_id=sl-d1',
      expect: { status: 200, ids: ['sl-d1'] },
    }),
    refuses('a parameter that not every type has', 'GET /?_type=Patient,Practitioner&birthdate=1970', 400),
    refuses('a _filter with a fault', 'GET /Patient?_filter=family eq', 400),
    refuses('a value set that nobody knows', 'GET /Condition?code:in=urn:none', [400, 404, 422]),
  ],
};
