import { type Area, one, refuses } from '../case.ts';

const device = (more: object): object => ({ resourceType: 'Device', id: 'h1', ...more });

export const history: Area = {
  area: 'history',
  spec: 'http://hl7.org/fhir/R4/http.html#history',
  cases: [
    {
      name: 'an instance: all versions, the newest first, with what made them',
      steps: [
        { send: 'PUT /Device/h1', body: device({}) },
        { send: 'PUT /Device/h1', body: device({ status: 'active' }) },
        { send: 'DELETE /Device/h1' },
        { send: 'PUT /Device/h1', body: device({ status: 'inactive' }) },
        {
          send: 'GET /Device/h1/_history',
          expect: {
            status: 200,
            has: {
              resourceType: 'Bundle',
              type: 'history',
              total: 4,
              'entry.#': 4,
              'entry.0.resource.status': 'inactive',
              'entry.0.request.method': /PUT|POST/,
              // The update that brings a deleted resource back creates it.
              'entry.0.response.status': /^201/,
              'entry.1.request.method': 'DELETE',
              'entry.1.request.url': /Device\/h1/,
              'entry.1.resource': undefined,
              'entry.2.resource.meta.versionId': '2',
              'entry.3.resource.meta.versionId': '1',
              'entry.3.fullUrl': /\/Device\/h1$/,
            },
          },
        },
      ],
    },
    one('_summary=count of a history', {
      send: 'GET /Device/h1/_history?_summary=count',
      expect: { status: 200, has: { type: 'history', total: 4, 'entry.#': 0 } },
    }),
    one('_count of a history', {
      send: 'GET /Device/h1/_history?_count=2',
      expect: { status: 200, has: { 'entry.#': 2 }, text: /"relation":\s*"next"/ },
    }),
    one('_count=0 counts only', {
      send: 'GET /Device/h1/_history?_count=0',
      expect: { status: 200, has: { type: 'history', total: 4, 'entry.#': 0 } },
    }),
    {
      name: '_since leaves out what is older',
      steps: [
        { send: 'PUT /Device/h2', body: { resourceType: 'Device', id: 'h2' } },
        { send: 'GET /Device/h2/_history?_since=2000-01-01T00:00:00Z', expect: { has: { 'entry.#': 1 } } },
        { send: 'GET /Device/h2/_history?_since=2999-01-01T00:00:00Z', expect: { status: 200, has: { 'entry.#': 0 } } },
      ],
    },
    {
      name: '_at tells the version of a time',
      steps: [
        { send: 'PUT /Device/h3', body: { resourceType: 'Device', id: 'h3' }, save: { first: 'meta.lastUpdated' } },
        { send: 'PUT /Device/h3', body: { resourceType: 'Device', id: 'h3', status: 'active' } },
        {
          send: 'GET /Device/h3/_history?_at={first}',
          expect: { status: 200, has: { 'entry.#': 1, 'entry.0.resource.meta.versionId': '1' } },
        },
      ],
    },
    one('of a type', { send: 'GET /Device/_history', expect: { status: 200, has: { type: 'history', 'entry.#': /^[1-9]/ } } }),
    one('of the server', { send: 'GET /_history?_count=3', expect: { status: 200, has: { type: 'history', 'entry.#': 3 } } }),
    refuses('of what never was', 'GET /Device/never-was/_history', 404),
    refuses('a _since that is no instant', 'GET /Device/_history?_since=yesterday', 400),
    refuses('of an unknown type', 'GET /Devise/_history', 404),
  ],
};
