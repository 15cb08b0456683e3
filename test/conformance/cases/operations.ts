import { type Area, type Case, one, refuses } from '../case.ts';

const parameters = (...parameter: readonly object[]): object => ({ resourceType: 'Parameters', parameter });

const VALID = /^(?!.*"severity":\s*"(error|fatal)")/s;

/** $validate finds an error; a server may refuse the write or not. */
const tells = (name: string, body: { readonly resourceType: string; readonly [member: string]: unknown }): Case =>
  one(`$validate tells of ${name}`, {
    send: `POST /${body.resourceType}/$validate`,
    body,
    expect: { status: 200, has: { resourceType: 'OperationOutcome' }, text: /"severity":\s*"error"/ },
  });

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
      expect: { status: 200, has: { resourceType: 'OperationOutcome' }, text: VALID },
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
    one('$validate of XML that isn’t: 200 and issues', {
      send: 'POST /Patient/$validate',
      headers: { 'content-type': 'application/fhir+xml' },
      body: '<Patient xmlns="http://hl7.org/fhir"><active value="maybe"/></Patient>',
      expect: { status: 200, has: { resourceType: 'OperationOutcome', 'issue.0.severity': 'error' } },
    }),
    one('$validate of Parameters themselves', {
      send: 'POST /Parameters/$validate',
      body: parameters({ name: 'x', valueString: 'y' }),
      expect: { status: 200, has: { resourceType: 'OperationOutcome' }, text: VALID },
    }),
    tells('an extension where its definition doesn’t put it', {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace', valueAddress: { city: 'x' } }],
    }),
    tells('an extension whose url is relative', { resourceType: 'Patient', extension: [{ url: 'x', valueString: 'y' }] }),
    tells('an id twice in a resource', {
      resourceType: 'Patient',
      name: [
        { id: 'a', family: 'x' },
        { id: 'a', family: 'y' },
      ],
    }),
    tells('a fullUrl that disagrees with the id', {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ fullUrl: 'http://example.org/Patient/a', resource: { resourceType: 'Patient', id: 'b' } }],
    }),
    tells('a code that its system lacks', {
      resourceType: 'Patient',
      maritalStatus: { coding: [{ system: 'http://hl7.org/fhir/administrative-gender', code: 'none' }] },
    }),
    tells('a size that isn’t that of the data', {
      resourceType: 'Patient',
      photo: [{ contentType: 'image/png', data: 'AAAA', size: 4 }],
    }),
    {
      name: '$validate holds a QuestionnaireResponse against its Questionnaire',
      steps: [
        {
          send: 'PUT /Questionnaire/op-q',
          body: {
            resourceType: 'Questionnaire',
            id: 'op-q',
            url: 'http://example.org/Questionnaire/op-q',
            status: 'active',
            item: [{ linkId: '1', type: 'integer' }],
          },
          expect: { status: [200, 201] },
        },
        {
          send: 'POST /QuestionnaireResponse/$validate',
          body: {
            resourceType: 'QuestionnaireResponse',
            questionnaire: 'http://example.org/Questionnaire/op-q',
            status: 'completed',
            item: [{ linkId: '1', answer: [{ valueString: 'x' }] }],
          },
          expect: { status: 200, text: /"severity":\s*"error"/ },
        },
      ],
    },
    one('$validate warns of a code that is no unit of UCUM', {
      send: 'POST /Observation/$validate',
      body: {
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'x' },
        valueQuantity: { value: 1, system: 'http://unitsofmeasure.org', code: 'foo' },
      },
      expect: { status: 200, text: /^(?!.*"severity":\s*"(?:error|fatal)").*"severity":\s*"warning".*foo/s },
    }),
    one('$validate with Parameters', {
      send: 'POST /Patient/$validate',
      body: parameters({ name: 'mode', valueCode: 'create' }, { name: 'resource', resource: { resourceType: 'Patient', active: true } }),
      expect: { status: 200, has: { resourceType: 'OperationOutcome' } },
    }),
    refuses('$validate of nothing', 'GET /Patient/$validate?mode=create', [400, 422]),
    one('$validate of what is stored', {
      send: 'GET /Patient/op1/$validate',
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
    {
      name: 'the next page of $everything comes in the form of the first',
      steps: [
        {
          send: 'GET /Patient/op1/$everything?_count=1&_format=json',
          headers: { accept: '*/*' },
          expect: { has: { 'link.1.relation': 'next', 'link.1.url': /[?&]_format=json/ } },
        },
      ],
    },
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
    one('$versions', {
      send: 'GET /$versions',
      expect: { status: 200, has: { 'parameter.0.name': 'version', 'parameter.0.valueCode': '4.0' } },
    }),
    one('$convert', {
      send: 'POST /$convert',
      body: { resourceType: 'Basic', code: { text: 'converted' } },
      headers: { accept: 'application/fhir+xml' },
      expect: { status: 200, text: /<Basic xmlns="http:\/\/hl7.org\/fhir"><code><text value="converted"\/>/ },
    }),
    refuses('an operation that there isn’t', 'POST /Patient/$unheard-of', [400, 404, 405, 501], { body: parameters() }),
    refuses('an operation on the wrong level', 'GET /$everything', [400, 404, 405, 501]),
  ],
};
