import { type Area, one, refuses } from '../case.ts';

const patient = { resourceType: 'Patient', name: [{ family: 'Interaction' }] };

export const interactions: Area = {
  area: 'interactions',
  spec: 'http://hl7.org/fhir/R4/http.html',
  cases: [
    one('a slash at the end of an address changes nothing', {
      send: 'GET /Patient/?_count=1',
      expect: { status: 200, has: { type: 'searchset' } },
    }),
    {
      name: 'create answers 201 with Location, ETag, Last-Modified and the resource',
      steps: [
        {
          send: 'POST /Patient',
          body: patient,
          expect: {
            status: 201,
            headers: { location: /\/Patient\/[A-Za-z0-9.-]{1,64}\/_history\/1$/, etag: 'W/"1"', 'last-modified': /GMT$/ },
            has: { resourceType: 'Patient', 'meta.versionId': '1', 'meta.lastUpdated': /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/ },
          },
          save: { id: 'id' },
        },
        { send: 'GET /Patient/{id}', expect: { status: 200, headers: { etag: 'W/"1"' }, has: { 'name.0.family': 'Interaction' } } },
      ],
    },
    {
      name: 'create takes no id from the client',
      steps: [
        { send: 'POST /Patient', body: { ...patient, id: 'chosen-by-client' }, expect: { status: 201 } },
        { send: 'GET /Patient/chosen-by-client', expect: { status: 404 } },
      ],
    },
    {
      name: 'read of what never was is 404',
      steps: [{ send: 'GET /Patient/never-was', expect: { status: 404, issue: 'not-found' } }],
    },
    {
      name: 'update creates at an id that is free, then updates',
      steps: [
        {
          send: 'PUT /Patient/i1',
          body: { ...patient, id: 'i1' },
          expect: { status: 201, headers: { location: /\/Patient\/i1\/_history\/1$/ } },
        },
        { send: 'PUT /Patient/i1', body: { ...patient, id: 'i1', active: true }, expect: { status: 200, headers: { etag: 'W/"2"' } } },
        { send: 'GET /Patient/i1', expect: { has: { active: true, 'meta.versionId': '2' } } },
        { send: 'GET /Patient/i1/_history/1', expect: { status: 200, headers: { etag: 'W/"1"' }, has: { active: undefined } } },
      ],
    },
    one('what the client says of versionId and lastUpdated is replaced', {
      send: 'PUT /Patient/i2',
      body: { ...patient, id: 'i2', meta: { versionId: '77', lastUpdated: '1999-01-01T00:00:00Z', source: 'urn:x' } },
      expect: { status: 201, has: { 'meta.versionId': '1', 'meta.lastUpdated': /^20[2-9]/, 'meta.source': 'urn:x' } },
    }),
    refuses('update whose body has no id', 'PUT /Patient/i3', 400, { body: patient }),
    refuses('update whose body has another id', 'PUT /Patient/i3', 400, { body: { ...patient, id: 'other' } }),
    {
      name: 'delete answers 200 or 204, then read 410, and again no failure',
      steps: [
        { send: 'PUT /Patient/i4', body: { ...patient, id: 'i4' } },
        { send: 'DELETE /Patient/i4', expect: { status: [200, 204] } },
        { send: 'GET /Patient/i4', expect: { status: 410, issue: 'deleted' } },
        { send: 'GET /Patient/i4/_history/1', expect: { status: 200 } },
        { send: 'DELETE /Patient/i4', expect: { status: [200, 204] } },
        { send: 'GET /Patient?_id=i4', expect: { status: 200, ids: [] } },
      ],
    },
    one('delete of what never was is no failure', { send: 'DELETE /Patient/never-was', expect: { status: [200, 204] } }),
    {
      name: 'update brings a deleted resource back, as its next version',
      steps: [
        { send: 'PUT /Patient/i5', body: { ...patient, id: 'i5' } },
        { send: 'DELETE /Patient/i5' },
        { send: 'PUT /Patient/i5', body: { ...patient, id: 'i5' }, expect: { status: [200, 201], headers: { etag: 'W/"3"' } } },
        { send: 'GET /Patient/i5', expect: { status: 200 } },
      ],
    },
    refuses('vread of a version that is none', 'GET /Patient/i1/_history/99', 404),
    {
      name: 'HEAD is GET without a body',
      steps: [{ send: 'HEAD /Patient/i1', expect: { status: 200, headers: { etag: 'W/"2"' }, text: /^$/ } }],
    },
    one('the capabilities are a CapabilityStatement of R4', {
      send: 'GET /metadata',
      expect: {
        status: 200,
        has: {
          resourceType: 'CapabilityStatement',
          fhirVersion: '4.0.1',
          kind: 'instance',
          status: 'active',
          'rest.0.mode': 'server',
          date: /./,
        },
      },
    }),
    {
      name: 'the capabilities carry an ETag, by which they are asked for again',
      steps: [
        { send: 'GET /metadata', expect: { status: 200, headers: { etag: /^W\/"/ } }, save: { etag: 'header:etag' } },
        { send: 'GET /metadata', headers: { 'if-none-match': '{etag}' }, expect: { status: [200, 304] } },
      ],
    },
    one('mode=full of the capabilities', {
      send: 'GET /metadata?mode=full',
      expect: { status: 200, has: { resourceType: 'CapabilityStatement' } },
    }),
    one('mode=terminology gives TerminologyCapabilities, or says that it doesn’t', {
      send: 'GET /metadata?mode=terminology',
      expect: { status: [200, 400, 404, 501] },
    }),
    one('Prefer: return=minimal answers without a body', {
      send: 'POST /Patient',
      body: patient,
      headers: { prefer: 'return=minimal' },
      expect: { status: 201, text: /^$/, headers: { location: /Patient/ } },
    }),
    one('Prefer: return=OperationOutcome answers with one', {
      send: 'POST /Patient',
      body: patient,
      headers: { prefer: 'return=OperationOutcome' },
      expect: { status: 201, has: { resourceType: 'OperationOutcome' } },
    }),
    one('an id may hold letters, digits, dashes and dots, up to 64', {
      send: `PUT /Patient/A-z.0${'9'.repeat(59)}`,
      body: { ...patient, id: `A-z.0${'9'.repeat(59)}` },
      expect: { status: [200, 201] },
    }),
    refuses('an id of 65 characters', `PUT /Patient/${'9'.repeat(65)}`, [400, 404], { body: { ...patient, id: '9'.repeat(65) } }),
    {
      name: 'search by POST to _search',
      steps: [
        {
          send: 'POST /Patient/_search',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: '_id=i1',
          expect: { status: 200, ids: ['i1'] },
        },
        {
          send: 'POST /Patient/_search?_id=i1',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: '',
          expect: { status: 200, ids: ['i1'] },
        },
      ],
    },
    {
      name: 'the form of a search by POST says in which format to answer',
      steps: ['xml', 'foo'].map((format) => ({
        send: 'POST /Patient/_search',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/fhir+json' },
        body: `_id=i1&_format=${format}`,
        expect: format === 'xml' ? { status: 200, headers: { 'content-type': /application\/fhir\+xml/ } } : { status: 406 },
      })),
    },
    one('search of the whole system by type', { send: 'GET /?_type=Patient&_id=i1', expect: { status: 200, ids: ['i1'] } }),
    {
      name: 'a compartment holds what belongs to it, and nothing else',
      steps: [
        { send: 'PUT /Patient/ic', body: { ...patient, id: 'ic' } },
        {
          send: 'PUT /Observation/ic1',
          body: { resourceType: 'Observation', id: 'ic1', status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/ic' } },
        },
        {
          send: 'PUT /Observation/ic2',
          body: { resourceType: 'Observation', id: 'ic2', status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/i1' } },
        },
        { send: 'GET /Patient/ic/Observation', expect: { status: 200, ids: ['ic1'] } },
        { send: 'GET /Patient/ic/Observation?status=amended', expect: { status: 200, ids: [] } },
      ],
    },
    one('everything of a compartment', { send: 'GET /Patient/ic/*', expect: { status: 200, has: { 'entry.#': /^[1-9]/ } } }),
  ],
};
