import { type Area, one, refuses } from '../case.ts';

export const errors: Area = {
  area: 'errors',
  spec: 'http://hl7.org/fhir/R4/http.html#Status-Codes',
  given: [{ resourceType: 'Patient', id: 'e1' }],
  cases: [
    refuses('an unknown type', 'GET /Pacient/1', 404),
    refuses('a search of an unknown type', 'GET /Pacient', 404),
    refuses('a type in lower case', 'GET /patient/e1', 404),
    refuses('an address that FHIR hasn’t', 'GET /Patient/e1/x/y/z/w', 404),
    refuses('a read of an id that is none', 'GET /Patient/a_b', [400, 404]),
    refuses('an update of an id that is none', 'PUT /Patient/a_b', 400, { body: { resourceType: 'Patient', id: 'a_b' } }),
    refuses('a method that the address hasn’t', 'POST /Patient/e1', [400, 404, 405], { body: { resourceType: 'Patient' } }),
    refuses('an unknown search parameter', 'GET /Patient?nmae=x', 400),
    refuses('an unknown modifier', 'GET /Patient?name:like=x', 400),
    refuses('a modifier of another type of parameter', 'GET /Patient?birthdate:contains=1', 400),
    refuses('a _count that is none', 'GET /Patient?_count=many', 400),
    refuses('a malformed percent encoding', 'GET /Patient?name=%ZZ', 400),
    refuses('a malformed If-Match', 'PUT /Patient/e1', [400, 412], {
      headers: { 'if-match': 'x' },
      body: { resourceType: 'Patient', id: 'e1' },
    }),
    refuses('a write by a client that may only read', 'POST /Patient', 403, { client: 'reader-demo', body: { resourceType: 'Patient' } }),
    refuses('a transaction by a client that may only read', 'POST /', 403, {
      client: 'reader-demo',
      body: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [{ resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } }],
      },
    }),
    refuses('a body that is too large', 'POST /Patient', 413, {
      body: `{"resourceType":"Patient","id":"${'x'.repeat(20 << 20)}"}`,
    }),
    one('an outcome has severity, code and says what to do', {
      send: 'GET /Patient?nmae=x',
      expect: { status: 400, has: { 'issue.0.severity': 'error', 'issue.0.code': /./, 'issue.0.diagnostics': /nmae/ } },
    }),
    one('every answer carries a request id or goes without one, but never a stack', {
      send: 'GET /Patient?nmae=x',
      expect: { text: /^(?![^]*\bat \w+ \()/ },
    }),
  ],
};
