import { type Area, one, refuses } from '../case.ts';

const UUID = 'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a';
const UUID2 = 'urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059';
type Entry = object;
const bundle = (type: string, ...entry: readonly Entry[]): object => ({ resourceType: 'Bundle', type, entry });
const put = (id: string, more: object = {}): Entry => ({
  resource: { resourceType: 'Basic', id, code: { text: id }, ...more },
  request: { method: 'PUT', url: `Basic/${id}` },
});
const post = (value: string, more: object = {}, request: object = {}): Entry => ({
  resource: { resourceType: 'Basic', identifier: [{ system: 'urn:bundle', value }], code: { text: value }, ...more },
  request: { method: 'POST', url: 'Basic', ...request },
});
const get = (url: string, request: object = {}): Entry => ({ request: { method: 'GET', url, ...request } });
const remove = (url: string): Entry => ({ request: { method: 'DELETE', url } });

export const bundles: Area = {
  area: 'bundles',
  spec: 'http://hl7.org/fhir/R4/http.html#transaction',
  given: [
    { resourceType: 'Basic', id: 'bd-read', code: { text: 'read' } },
    { resourceType: 'Basic', id: 'bd-delete', code: { text: 'delete' } },
    { resourceType: 'Organization', id: 'bd-org', name: 'B', identifier: [{ system: 'urn:bundle', value: 'org' }] },
  ],
  cases: [
    one('a batch answers each entry by itself, in order', {
      send: 'POST /',
      body: bundle('batch', put('bd1'), get('Basic/nobody'), get('Basic/bd-read'), { request: { method: 'GET', url: 'Nonsense/1' } }),
      expect: {
        status: 200,
        has: {
          type: 'batch-response',
          'entry.#': 4,
          'entry.0.response.status': /^201/,
          'entry.0.response.location': /Basic\/bd1\/_history\/1$/,
          'entry.0.response.etag': 'W/"1"',
          'entry.1.response.status': /^404/,
          'entry.1.response.outcome.resourceType': 'OperationOutcome',
          'entry.2.response.status': /^200/,
          'entry.2.resource.id': 'bd-read',
          'entry.3.response.status': /^40[04]/,
        },
      },
    }),
    one('a transaction deletes, creates, updates and reads in this order, and answers in that of its entries', {
      send: 'POST /',
      body: bundle('transaction', get('Basic/bd2'), put('bd2'), post('bd3'), remove('Basic/bd-delete')),
      expect: {
        status: 200,
        has: {
          type: 'transaction-response',
          'entry.#': 4,
          'entry.0.response.status': /^200/,
          'entry.0.resource.code.text': 'bd2',
          'entry.1.response.status': /^201/,
          'entry.2.response.status': /^201/,
          'entry.2.response.location': /Basic\/[^/]+\/_history\/1$/,
          'entry.3.response.status': /^20[04]/,
        },
      },
    }),
    {
      name: 'a transaction with a fault stores nothing',
      steps: [
        {
          send: 'POST /',
          body: bundle('transaction', put('bd4'), {
            resource: { resourceType: 'Basic', id: 'bd5', code: 5 },
            request: { method: 'PUT', url: 'Basic/bd5' },
          }),
          expect: { status: [400, 422], has: { resourceType: 'OperationOutcome' } },
        },
        { send: 'GET /Basic/bd4', expect: { status: 404 } },
      ],
    },
    {
      name: 'references by urn:uuid lead to what the transaction created',
      steps: [
        {
          send: 'POST /',
          body: bundle(
            'transaction',
            {
              fullUrl: UUID,
              resource: { resourceType: 'Patient', name: [{ family: 'Linked' }] },
              request: { method: 'POST', url: 'Patient' },
            },
            {
              fullUrl: UUID2,
              resource: {
                resourceType: 'Observation',
                identifier: [{ system: 'urn:bundle', value: 'linked' }],
                status: 'final',
                code: { text: 'x' },
                subject: { reference: UUID },
              },
              request: { method: 'POST', url: 'Observation' },
            },
          ),
          expect: { status: 200 },
        },
        {
          send: 'GET /Observation?identifier=urn:bundle|linked&_include=Observation:subject',
          expect: {
            has: { 'entry.0.resource.subject.reference': /^Patient\/[A-Za-z0-9.-]+$/, 'entry.1.resource.name.0.family': 'Linked' },
          },
        },
      ],
    },
    {
      name: 'conditional references are resolved',
      steps: [
        {
          send: 'POST /',
          body: bundle('transaction', {
            resource: { resourceType: 'Patient', id: 'bd6', managingOrganization: { reference: 'Organization?identifier=urn:bundle|org' } },
            request: { method: 'PUT', url: 'Patient/bd6' },
          }),
          expect: { status: 200 },
        },
        { send: 'GET /Patient/bd6', expect: { has: { 'managingOrganization.reference': 'Organization/bd-org' } } },
      ],
    },
    refuses('a conditional reference to nothing', 'POST /', [400, 412, 422], {
      body: bundle('transaction', {
        resource: { resourceType: 'Patient', managingOrganization: { reference: 'Organization?identifier=urn:bundle|none' } },
        request: { method: 'POST', url: 'Patient' },
      }),
    }),
    {
      name: 'ifNoneExist of an entry creates once',
      steps: [
        {
          send: 'POST /',
          body: bundle('transaction', post('bd7', {}, { ifNoneExist: 'identifier=urn:bundle|bd7' })),
          expect: { has: { 'entry.0.response.status': /^201/ } },
        },
        {
          send: 'POST /',
          body: bundle('transaction', post('bd7', {}, { ifNoneExist: 'identifier=urn:bundle|bd7' })),
          expect: { has: { 'entry.0.response.status': /^200/ } },
        },
        { send: 'GET /Basic?identifier=urn:bundle|bd7', expect: { has: { 'entry.#': 1 } } },
      ],
    },
    {
      name: 'a transaction whose conditional create finds, refers to what it found',
      steps: [
        {
          send: 'POST /',
          body: bundle(
            'transaction',
            {
              fullUrl: UUID,
              resource: { resourceType: 'Organization', name: 'B' },
              request: { method: 'POST', url: 'Organization', ifNoneExist: 'identifier=urn:bundle|org' },
            },
            {
              resource: { resourceType: 'Patient', id: 'bd8', managingOrganization: { reference: UUID } },
              request: { method: 'PUT', url: 'Patient/bd8' },
            },
          ),
          expect: { status: 200 },
        },
        { send: 'GET /Patient/bd8', expect: { has: { 'managingOrganization.reference': 'Organization/bd-org' } } },
      ],
    },
    {
      name: 'ifMatch of an entry that is not the current version refuses all',
      steps: [
        { send: 'PUT /Basic/bd9', body: { resourceType: 'Basic', id: 'bd9', code: { text: 'x' } } },
        {
          send: 'POST /',
          body: bundle('transaction', {
            resource: { resourceType: 'Basic', id: 'bd9', code: { text: 'y' } },
            request: { method: 'PUT', url: 'Basic/bd9', ifMatch: 'W/"7"' },
          }),
          expect: { status: [409, 412] },
        },
      ],
    },
    refuses('two entries for one resource', 'POST /', [400, 409, 422], { body: bundle('transaction', put('bd10'), put('bd10')) }),
    one('a search in a transaction', {
      send: 'POST /',
      body: bundle('transaction', get('Basic?_id=bd-read')),
      expect: { has: { 'entry.0.resource.resourceType': 'Bundle', 'entry.0.resource.type': 'searchset', 'entry.0.resource.total': 1 } },
    }),
    one('a conditional read in a batch', {
      send: 'POST /',
      body: bundle('batch', get('Basic/bd-read', { ifNoneMatch: 'W/"1"' })),
      expect: { has: { 'entry.0.response.status': /^304/ } },
    }),
    one('a JSON Patch as a Binary in a transaction', {
      send: 'POST /',
      body: bundle('transaction', {
        resource: {
          resourceType: 'Binary',
          contentType: 'application/json-patch+json',
          data: Buffer.from('[{"op":"replace","path":"/code/text","value":"patched"}]').toString('base64'),
        },
        request: { method: 'PATCH', url: 'Basic/bd-read' },
      }),
      expect: { status: 200, has: { 'entry.0.response.status': /^200/ } },
    }),
    one('a conditional update in a transaction', {
      send: 'POST /',
      body: bundle('transaction', {
        resource: { resourceType: 'Basic', identifier: [{ system: 'urn:bundle', value: 'bd11' }], code: { text: 'x' } },
        request: { method: 'PUT', url: 'Basic?identifier=urn:bundle|bd11' },
      }),
      expect: { status: 200, has: { 'entry.0.response.status': /^201/ } },
    }),
    one('a HEAD in a batch', {
      send: 'POST /',
      body: bundle('batch', { request: { method: 'HEAD', url: 'Basic/bd-read' } }),
      expect: { status: 200, has: { 'entry.0.response.status': /^200/ } },
    }),
    one('what a POST in a batch asks for is answered: a search, an operation', {
      send: 'POST /',
      body: bundle(
        'batch',
        { request: { method: 'POST', url: 'Basic/_search?_id=bd-read' } },
        { resource: { resourceType: 'Basic', code: { text: 'x' } }, request: { method: 'POST', url: 'Basic/$validate' } },
      ),
      expect: {
        status: 200,
        has: { 'entry.0.resource.entry.0.resource.id': 'bd-read', 'entry.1.resource.resourceType': 'OperationOutcome' },
      },
    }),
    one('a batch is done in the order of a transaction: deletes, creates, updates, reads', {
      send: 'POST /',
      body: bundle('batch', get('Basic/bd-order'), put('bd-order')),
      expect: { status: 200, has: { 'entry.0.resource.id': 'bd-order', 'entry.1.response.status': /^201/ } },
    }),
    one('an empty batch', {
      send: 'POST /',
      body: { resourceType: 'Bundle', type: 'batch' },
      expect: { status: 200, has: { 'entry.#': 0 } },
    }),
    {
      name: 'what a transaction deletes, makes and finds by one condition, again and again',
      steps: ['201', '200'].map((status) => ({
        send: 'POST /',
        body: bundle(
          'transaction',
          get('Basic?identifier=urn:bundle|bd13'),
          {
            resource: {
              resourceType: 'List',
              identifier: [{ value: 'bd13' }],
              status: 'current',
              mode: 'working',
              entry: [{ item: { reference: UUID } }],
            },
            request: { method: 'PUT', url: 'List?identifier=bd13' },
          },
          { fullUrl: UUID, ...post('bd13') },
          remove('Basic?identifier=urn:bundle|bd13'),
        ),
        expect: {
          status: 200,
          has: {
            'entry.0.resource.entry.#': 1,
            'entry.1.response.status': new RegExp(`^${status}`),
            'entry.2.response.status': /^201/,
            'entry.3.response.status': /^20[04]/,
          },
        },
      })),
    },
    {
      name: 'narratives, addresses and extensions lead to what the transaction created',
      steps: [
        {
          send: 'POST /',
          body: bundle(
            'transaction',
            {
              fullUrl: UUID,
              resource: { resourceType: 'Binary', contentType: 'text/plain', data: 'eA==' },
              request: { method: 'POST', url: 'Binary' },
            },
            {
              resource: {
                resourceType: 'DocumentReference',
                id: 'bd14',
                text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${UUID}">x</a></div>` },
                extension: [{ url: 'urn:x', valueUri: UUID }],
                status: 'current',
                content: [{ attachment: { url: UUID } }],
              },
              request: { method: 'PUT', url: 'DocumentReference/bd14' },
            },
          ),
          expect: { status: 200 },
        },
        {
          send: 'GET /DocumentReference/bd14',
          expect: {
            has: {
              'text.div': /<a href="(https:[^"]*\/)?Binary\/[^/"]+"/,
              'extension.0.valueUri': /^(https:.*\/)?Binary\/[^/]+$/,
              'content.0.attachment.url': /^(https:.*\/)?Binary\/[^/]+$/,
            },
          },
        },
      ],
    },
    {
      name: 'references by other forms of fullUrl, relative ones and those to a version lead to what the transaction created',
      steps: [
        {
          send: 'POST /',
          headers: { prefer: 'return=representation' },
          body: bundle(
            'transaction',
            {
              fullUrl: 'http://other.example.org/fhir/Basic/x',
              resource: { resourceType: 'Basic', code: { text: 'x' } },
              request: { method: 'POST', url: 'Basic' },
            },
            ...['http://other.example.org/fhir/Basic/x', 'Basic/x', 'Basic/x/_history/7', 'urn:oid:1.2.3'].map((reference, i) => ({
              fullUrl: `http://other.example.org/fhir/List/${i}`,
              resource: { resourceType: 'List', status: 'current', mode: 'working', entry: [{ item: { reference } }] },
              request: { method: 'POST', url: 'List' },
            })),
            { fullUrl: 'urn:oid:1.2.3', ...post('bd-oid') },
          ),
          expect: {
            status: 200,
            has: {
              'entry.1.resource.entry.0.item.reference': /^Basic\/[^/]{2,}$/,
              'entry.2.resource.entry.0.item.reference': /^Basic\/[^/]{2,}$/,
              'entry.3.resource.entry.0.item.reference': /^Basic\/[^/]{2,}\/_history\/1$/,
              'entry.4.resource.entry.0.item.reference': /^Basic\/[^/]{2,}$/,
            },
          },
        },
      ],
    },
    {
      name: 'a transaction that fails deletes nothing',
      steps: [
        { send: 'PUT /Basic/bd-kept', body: { resourceType: 'Basic', id: 'bd-kept', code: { text: 'x' } } },
        {
          send: 'POST /',
          body: bundle('transaction', remove('Basic/bd-kept'), get('Basic/never-was')),
          expect: { status: [400, 404, 412, 422] },
        },
        { send: 'GET /Basic/bd-kept', expect: { status: 200, headers: { etag: 'W/"1"' } } },
      ],
    },
    {
      name: 'a FHIRPath patch by criteria in a transaction',
      steps: [
        {
          send: 'PUT /Basic/bd-patched',
          body: { resourceType: 'Basic', id: 'bd-patched', identifier: [{ value: 'bd-patched' }], code: { text: 'x' } },
        },
        {
          send: 'POST /',
          body: bundle('transaction', {
            resource: {
              resourceType: 'Parameters',
              parameter: [
                {
                  name: 'operation',
                  part: [
                    { name: 'type', valueCode: 'replace' },
                    { name: 'path', valueString: 'Basic.code.text' },
                    { name: 'value', valueString: 'y' },
                  ],
                },
              ],
            },
            request: { method: 'PATCH', url: 'Basic?identifier=bd-patched' },
          }),
          expect: { status: 200, has: { 'entry.0.response.status': /^200/ } },
        },
        { send: 'GET /Basic/bd-patched', expect: { has: { 'code.text': 'y' } } },
      ],
    },
    one('history, a version and the capabilities in a batch', {
      send: 'POST /',
      body: bundle('batch', get('Basic/bd-read/_history'), get('Basic/bd-read/_history/1'), get('metadata'), get('Basic?_summary=count')),
      expect: {
        status: 200,
        has: {
          'entry.0.resource.type': 'history',
          'entry.1.resource.id': 'bd-read',
          'entry.2.resource.resourceType': 'CapabilityStatement',
          'entry.3.resource.entry.#': 0,
        },
      },
    }),
    refuses('a Bundle without a type', 'POST /', [400, 422], { body: { resourceType: 'Bundle', entry: [] } }),
    refuses('a resource that is no Bundle', 'POST /', [400, 404, 422], { body: { resourceType: 'Basic', code: {} } }),
    refuses('a conditional update and another one that find the same', 'POST /', [400, 409, 412, 422], {
      body: bundle(
        'transaction',
        ...[1, 2].map((n) => ({
          resource: { resourceType: 'Basic', identifier: [{ value: 'bd-twice' }], code: { text: String(n) } },
          request: { method: 'PUT', url: 'Basic?identifier=bd-twice' },
        })),
      ),
    }),
    refuses('a reference to no entry', 'POST /', [400, 422], {
      body: bundle('transaction', {
        resource: { resourceType: 'Basic', code: { text: 'x' }, subject: { reference: UUID2 } },
        request: { method: 'POST', url: 'Basic' },
      }),
    }),
    refuses('an entry with a condition that R4 does not have', 'POST /', 400, {
      body: bundle('transaction', post('bd12', {}, { ifNoneExists: 'identifier=bd12' })),
    }),
    refuses('an entry without a request', 'POST /', 400, {
      body: bundle('transaction', { resource: { resourceType: 'Basic', code: {} } }),
    }),
    refuses('a Bundle of type collection', 'POST /', [400, 422], { body: bundle('collection') }),
    one('a Bundle is a resource, too', {
      send: 'POST /Bundle',
      body: { resourceType: 'Bundle', type: 'collection', entry: [{ resource: { resourceType: 'Basic', code: { text: 'x' } } }] },
      expect: { status: 201 },
    }),
  ],
};
