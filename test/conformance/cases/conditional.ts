import { type Area, refuses } from '../case.ts';

const device = (value: string, more: object = {}): object => ({
  resourceType: 'Device',
  identifier: [{ system: 'urn:conditional', value }],
  ...more,
});
const query = (value: string): string => `identifier=urn:conditional|${value}`;

export const conditional: Area = {
  area: 'conditional',
  spec: 'http://hl7.org/fhir/R4/http.html#ccreate',
  cases: [
    {
      name: 'X-Provenance is stored with the version that it came with as its target',
      steps: [
        {
          send: 'PUT /Device/provenanced',
          body: device('xp', { id: 'provenanced' }),
          headers: {
            'x-provenance': '{"resourceType":"Provenance","recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"display":"the EHR"}}]}',
          },
          expect: { status: [200, 201] },
        },
        {
          send: 'GET /Provenance?target=Device/provenanced',
          expect: { has: { total: 1, 'entry.0.resource.target.0.reference': /^Device\/provenanced(\/_history\/\d+)?$/ } },
        },
      ],
    },
    {
      name: 'If-None-Exist creates once and then finds',
      steps: [
        {
          send: 'POST /Device',
          body: device('c1'),
          headers: { 'if-none-exist': query('c1') },
          expect: { status: 201 },
          save: { id: 'id' },
        },
        {
          send: 'POST /Device',
          body: device('c1'),
          headers: { 'if-none-exist': query('c1') },
          expect: { status: 200 },
        },
        { send: `GET /Device?${query('c1')}`, expect: { has: { 'entry.#': 1 } } },
      ],
    },
    {
      name: 'If-None-Exist may have the type or the whole address before its query',
      steps: [
        { send: 'POST /Device', body: device('c1a'), headers: { 'if-none-exist': `Device?${query('c1a')}` }, expect: { status: 201 } },
        {
          send: 'POST /Device',
          body: device('c1a'),
          headers: { 'if-none-exist': `{base}/Device?${query('c1a')}` },
          expect: { status: 200 },
        },
        { send: 'POST /Device', body: device('c1a'), headers: { 'if-none-exist': `?${query('c1a')}` }, expect: { status: 200 } },
      ],
    },
    {
      name: 'If-None-Exist that several match is 412',
      steps: [
        { send: 'POST /Device', body: device('c2') },
        { send: 'POST /Device', body: device('c2') },
        {
          send: 'POST /Device',
          body: device('c2'),
          headers: { 'if-none-exist': query('c2') },
          expect: { status: 412, issue: ['multiple-matches', 'duplicate', 'conflict'] },
        },
      ],
    },
    {
      name: 'conditional update creates, updates the one, and refuses several',
      steps: [
        { send: `PUT /Device?${query('c3')}`, body: device('c3'), expect: { status: 201 }, save: { id: 'id' } },
        {
          send: `PUT /Device?${query('c3')}`,
          body: device('c3', { status: 'active' }),
          expect: { status: 200, headers: { etag: 'W/"2"' } },
        },
        { send: 'GET /Device/{id}', expect: { has: { status: 'active' } } },
        { send: 'POST /Device', body: device('c3') },
        { send: `PUT /Device?${query('c3')}`, body: device('c3'), expect: { status: 412 } },
      ],
    },
    {
      name: 'conditional update with an id that nobody has creates it there',
      steps: [
        { send: `PUT /Device?${query('c4')}`, body: { ...device('c4'), id: 'c4-id' }, expect: { status: 201 } },
        { send: 'GET /Device/c4-id', expect: { status: 200 } },
      ],
    },
    {
      name: 'conditional update whose body has another id than the match is refused',
      steps: [
        { send: 'PUT /Device/c5-id', body: { ...device('c5'), id: 'c5-id' } },
        { send: `PUT /Device?${query('c5')}`, body: { ...device('c5'), id: 'another' }, expect: { status: 400 } },
        { send: `PUT /Device?${query('c5')}`, body: { ...device('c5'), id: 'c5-id', status: 'active' }, expect: { status: 200 } },
      ],
    },
    {
      name: 'conditional delete deletes the one, and finds none after it',
      steps: [
        { send: 'PUT /Device/c6-id', body: { ...device('c6'), id: 'c6-id' } },
        { send: `DELETE /Device?${query('c6')}`, expect: { status: [200, 204] } },
        { send: 'GET /Device/c6-id', expect: { status: 410 } },
        { send: `DELETE /Device?${query('c6')}`, expect: { status: [200, 204, 404] } },
      ],
    },
    {
      name: 'conditional delete of several: 412, or all of them',
      steps: [
        { send: 'POST /Device', body: device('c7') },
        { send: 'POST /Device', body: device('c7') },
        { send: `DELETE /Device?${query('c7')}`, expect: { status: [200, 204, 412] } },
      ],
    },
    refuses('conditional delete without criteria', 'DELETE /Device', [400, 405, 412]),
    refuses('conditional update without criteria', 'PUT /Device', [400, 405, 412], { body: device('x') }),
    refuses('If-None-Exist with a parameter that is none', 'POST /Device', [400, 412], {
      body: device('x'),
      headers: { 'if-none-exist': 'identifer=x' },
    }),
    {
      name: 'If-Match of the current version updates, of an older one is 412',
      steps: [
        { send: 'PUT /Device/c8', body: { ...device('c8'), id: 'c8' } },
        {
          send: 'PUT /Device/c8',
          headers: { 'if-match': 'W/"1"' },
          body: { ...device('c8'), id: 'c8', status: 'active' },
          expect: { status: 200 },
        },
        {
          send: 'PUT /Device/c8',
          headers: { 'if-match': 'W/"1"' },
          body: { ...device('c8'), id: 'c8', status: 'inactive' },
          expect: { status: [409, 412] },
        },
        { send: 'GET /Device/c8', expect: { has: { status: 'active' } } },
        { send: 'DELETE /Device/c8', headers: { 'if-match': 'W/"1"' }, expect: { status: [409, 412] } },
        { send: 'DELETE /Device/c8', headers: { 'if-match': 'W/"2"' }, expect: { status: [200, 204] } },
      ],
    },
    {
      name: 'If-None-Match and If-Modified-Since of a read',
      steps: [
        { send: 'PUT /Device/c9', body: { ...device('c9'), id: 'c9' }, save: { modified: 'header:last-modified' } },
        { send: 'GET /Device/c9', headers: { 'if-none-match': 'W/"1"' }, expect: { status: 304, text: /^$/ } },
        { send: 'GET /Device/c9', headers: { 'if-none-match': 'W/"2"' }, expect: { status: 200 } },
        { send: 'GET /Device/c9', headers: { 'if-modified-since': '{modified}' }, expect: { status: 304 } },
        { send: 'GET /Device/c9', headers: { 'if-modified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' }, expect: { status: 200 } },
      ],
    },
    {
      name: 'If-None-Match: * creates what isn’t there, also after it was deleted',
      steps: [
        { send: 'PUT /Device/c11', headers: { 'if-none-match': '*' }, body: { ...device('c11'), id: 'c11' }, expect: { status: 201 } },
        { send: 'PUT /Device/c11', headers: { 'if-none-match': '*' }, body: { ...device('c11'), id: 'c11' }, expect: { status: 412 } },
        { send: 'DELETE /Device/c11' },
        {
          send: 'PUT /Device/c11',
          headers: { 'if-none-match': '*' },
          body: { ...device('c11'), id: 'c11' },
          expect: { status: 201, headers: { etag: 'W/"3"' } },
        },
      ],
    },
    refuses('If-None-Exist with nothing in it', 'POST /Device', [400, 412], { body: device('x'), headers: { 'if-none-exist': '&' } }),
    refuses('conditional delete with an empty value', 'DELETE /Device?_tag=', [400, 412]),
    {
      name: 'conditional patch of the one, none and several',
      steps: [
        { send: 'PUT /Device/c10', body: { ...device('c10'), id: 'c10' } },
        {
          send: `PATCH /Device?${query('c10')}`,
          headers: { 'content-type': 'application/json-patch+json' },
          body: '[{"op":"add","path":"/status","value":"active"}]',
          expect: { status: 200, has: { status: 'active' } },
        },
        {
          send: `PATCH /Device?${query('c10-none')}`,
          headers: { 'content-type': 'application/json-patch+json' },
          body: '[{"op":"add","path":"/status","value":"active"}]',
          expect: { status: 404 },
        },
        { send: 'POST /Device', body: device('c10') },
        {
          send: `PATCH /Device?${query('c10')}`,
          headers: { 'content-type': 'application/json-patch+json' },
          body: '[{"op":"add","path":"/status","value":"inactive"}]',
          expect: { status: 412 },
        },
      ],
    },
  ],
};
