import { type Area, one, refuses } from '../case.ts';

const parameters = (...parameter: readonly object[]): object => ({ resourceType: 'Parameters', parameter });

export const operations: Area = {
  area: 'operations',
  spec: 'http://hl7.org/fhir/R4/operations.html',
  given: [
    { resourceType: 'Patient', id: 'op1', name: [{ family: 'Operation' }], meta: { tag: [{ system: 'urn:x', code: 'old' }] } },
    { resourceType: 'Observation', id: 'op1o', status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/op1' } },
    { resourceType: 'Encounter', id: 'op1e', status: 'finished', class: { code: 'AMB' }, subject: { reference: 'Patient/op1' } },
    {
      resourceType: 'Composition',
      id: 'op1c',
      status: 'final',
      type: { text: 'Letter' },
      date: '2024-01-01',
      title: 'Letter',
      author: [{ reference: 'Patient/op1' }],
      section: [{ title: 'Findings', entry: [{ reference: 'Observation/op1o' }] }],
    },
    { resourceType: 'Patient', id: 'op2', name: [{ family: 'Other' }] },
  ],
  cases: [
    one('$validate of what is valid', {
      send: 'POST /Patient/$validate',
      body: { resourceType: 'Patient', active: true },
      expect: { status: 200, has: { resourceType: 'OperationOutcome' }, text: /^(?!.*"severity":\s*"(error|fatal)")/s },
    }),
    one('$validate of what isn’t: 200 and issues', {
      send: 'POST /Patient/$validate',
      body: { resourceType: 'Patient', gender: 'nobody' },
      expect: {
        status: 200,
        has: { resourceType: 'OperationOutcome' },
        text: /"severity":\s*"error"[^]*gender|gender[^]*"severity":\s*"error"/,
      },
    }),
    one('$validate with Parameters', {
      send: 'POST /Patient/$validate',
      body: parameters({ name: 'mode', valueCode: 'create' }, { name: 'resource', resource: { resourceType: 'Patient', active: true } }),
      expect: { status: 200, has: { resourceType: 'OperationOutcome' } },
    }),
    one('$validate checks invariants', {
      send: 'POST /Patient/$validate',
      body: { resourceType: 'Patient', contact: [{ gender: 'male' }] },
      expect: { status: 200, text: /pat-1/ },
    }),
    one('$validate stores nothing', { send: 'GET /Patient?gender=nobody', expect: { has: { 'entry.#': 0 } } }),
    one('Patient/$everything', {
      send: 'GET /Patient/op1/$everything',
      expect: {
        status: 200,
        has: { resourceType: 'Bundle', type: 'searchset' },
        text: /^(?=[^]*"op1")(?=[^]*"op1o")(?=[^]*"op1e")(?![^]*"op2")/,
      },
    }),
    one('Observation/$lastn', {
      send: 'GET /Observation/$lastn?patient=op1&max=2',
      expect: { status: 200, has: { resourceType: 'Bundle', type: 'searchset', 'entry.#': 1 }, text: /"op1o"/ },
    }),
    refuses('$lastn of everybody', 'GET /Observation/$lastn?code=x', 400),
    one('Composition/$document', {
      send: 'GET /Composition/op1c/$document',
      expect: {
        status: 200,
        has: { resourceType: 'Bundle', type: 'document', 'entry.0.resource.resourceType': 'Composition', 'entry.#': 3 },
        text: /^(?=[^]*"timestamp")(?=[^]*"op1o")/,
      },
    }),
    refuses('$document of nothing', 'GET /Composition/never-was/$document', 404),
    refuses('$everything of nobody', 'GET /Patient/never-was/$everything', 404),
    one('$meta', {
      send: 'GET /Patient/op1/$meta',
      expect: { status: 200, has: { resourceType: 'Parameters', 'parameter.0.valueMeta.tag.0.code': 'old' } },
    }),
    {
      name: '$meta-add and $meta-delete',
      steps: [
        {
          send: 'POST /Patient/op1/$meta-add',
          body: parameters({ name: 'meta', valueMeta: { tag: [{ system: 'urn:x', code: 'new' }] } }),
          expect: { status: 200, has: { resourceType: 'Parameters' }, text: /"new"/ },
        },
        { send: 'GET /Patient/op1', expect: { has: { 'meta.tag.#': 2 } } },
        {
          send: 'POST /Patient/op1/$meta-delete',
          body: parameters({ name: 'meta', valueMeta: { tag: [{ system: 'urn:x', code: 'new' }] } }),
          expect: { status: 200 },
        },
        { send: 'GET /Patient/op1', expect: { has: { 'meta.tag.#': 1, 'meta.tag.0.code': 'old' } } },
      ],
    },
    refuses('an operation that there isn’t', 'POST /Patient/$unheard-of', [400, 404, 405, 501], { body: parameters() }),
    refuses('an operation on the wrong level', 'GET /$everything', [400, 404, 405, 501]),
  ],
};
