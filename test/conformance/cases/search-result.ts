import { type Area, finds, one, refuses, sorts, TAG, tagged } from '../case.ts';

const AREA = 'search: results';
const tag = encodeURIComponent(`${TAG}|${AREA}`);
const patient = (id: string, family: string, birthDate: string | undefined, more: object = {}): object =>
  tagged(AREA, 'Patient', id, { name: [{ family }], ...(birthDate && { birthDate }), ...more });
const s = (query: string, ...order: readonly string[]): ReturnType<typeof sorts> => sorts(AREA, query, order);

export const searchResult: Area = {
  area: AREA,
  spec: 'http://hl7.org/fhir/R4/search.html#return',
  given: [
    patient('sz1', 'Delta', '1970-01-01', {
      gender: 'male',
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">d</div>' },
    }),
    patient('sz2', 'Alpha', '1990-06-01', { gender: 'female' }),
    patient('sz3', 'charlie', '1980-03-01', { gender: 'female' }),
    patient('sz4', 'Bravo', '1980-02-01', { gender: 'male' }),
    patient('sz5', 'Echo', undefined, { gender: 'other' }),
  ],
  cases: [
    s('Patient?_sort=family', 'sz2', 'sz4', 'sz3', 'sz1', 'sz5'),
    s('Patient?_sort=-family', 'sz5', 'sz1', 'sz3', 'sz4', 'sz2'),
    s('Patient?birthdate:missing=false&_sort=birthdate', 'sz1', 'sz4', 'sz3', 'sz2'),
    s('Patient?birthdate:missing=false&_sort=-birthdate', 'sz2', 'sz3', 'sz4', 'sz1'),
    s('Patient?_sort=gender,family', 'sz2', 'sz3', 'sz4', 'sz1', 'sz5'),
    s('Patient?_sort=_id', 'sz1', 'sz2', 'sz3', 'sz4', 'sz5'),
    s('Patient?_sort=-_id', 'sz5', 'sz4', 'sz3', 'sz2', 'sz1'),
    s('Patient?_sort=_lastUpdated', 'sz1', 'sz2', 'sz3', 'sz4', 'sz5'),
    s('Patient?_sort=-_lastUpdated', 'sz5', 'sz4', 'sz3', 'sz2', 'sz1'),
    refuses('a _sort by a parameter that there isn’t', 'GET /Patient?_sort=shoesize', 400),
    one('_count bounds the page and says where the next is', {
      send: `GET /Patient?_tag=${tag}&_count=2`,
      expect: { status: 200, has: { 'entry.#': 2, 'link.0.relation': 'self' }, text: /"relation":\s*"next"/ },
    }),
    one('_count=0 counts only', {
      send: `GET /Patient?_tag=${tag}&_count=0`,
      expect: { status: 200, has: { total: 5, 'entry.#': 0 } },
    }),
    one('_summary=count counts only', {
      send: `GET /Patient?_tag=${tag}&_summary=count`,
      expect: { status: 200, has: { total: 5, 'entry.#': 0 } },
    }),
    one('_total=accurate says how many there are', {
      send: `GET /Patient?_tag=${tag}&_total=accurate&_count=2`,
      expect: { status: 200, has: { total: 5 } },
    }),
    one('_elements leaves out the rest, and says so by a tag', {
      send: 'GET /Patient?_id=sz1&_elements=gender',
      expect: {
        status: 200,
        has: { 'entry.0.resource.gender': 'male', 'entry.0.resource.name': undefined, 'entry.0.resource.id': 'sz1' },
        text: /SUBSETTED/,
      },
    }),
    one('_summary=true keeps what the summary has', {
      send: 'GET /Patient?_id=sz1&_summary=true',
      expect: { status: 200, has: { 'entry.0.resource.gender': 'male', 'entry.0.resource.text': undefined }, text: /SUBSETTED/ },
    }),
    one('_summary=text keeps text, id, meta and what must be there', {
      send: 'GET /Patient?_id=sz1&_summary=text',
      expect: {
        status: 200,
        has: { 'entry.0.resource.text.status': 'generated', 'entry.0.resource.gender': undefined },
        text: /SUBSETTED/,
      },
    }),
    one('_summary=data leaves out the text', {
      send: 'GET /Patient?_id=sz1&_summary=data',
      expect: { status: 200, has: { 'entry.0.resource.text': undefined, 'entry.0.resource.gender': 'male' }, text: /SUBSETTED/ },
    }),
    one('_elements of a read', {
      send: 'GET /Patient/sz1?_elements=gender',
      expect: { status: 200, has: { gender: 'male', name: undefined }, text: /SUBSETTED/ },
    }),
    one('a searchset says type, self, fullUrl and mode', {
      send: 'GET /Patient?_id=sz1',
      expect: {
        status: 200,
        headers: { 'content-type': /application\/fhir\+json/ },
        has: {
          resourceType: 'Bundle',
          type: 'searchset',
          total: 1,
          'link.0.relation': 'self',
          'link.0.url': /_id=sz1/,
          'entry.0.fullUrl': /^https.*\/Patient\/sz1$/,
          'entry.0.search.mode': 'match',
        },
      },
    }),
    refuses('_summary of another kind', 'GET /Patient?_summary=some', 400),
    refuses('_total of another kind', 'GET /Patient?_total=most', 400),
    refuses('a type that there isn’t', 'GET /?_type=Patient,Pacient', 400),
    one('a search by POST takes criteria of its address and of its form', {
      send: `POST /Patient/_search?_tag=${tag}&gender=female`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'family=Alpha',
      expect: { status: 200, ids: ['sz2'], has: { 'link.0.url': /gender=female.*family=Alpha/ } },
    }),
    one('an id that is named twice is found once', { send: 'GET /Patient?_id=sz1,sz2,sz1', expect: { status: 200, ids: ['sz1', 'sz2'] } }),
    refuses('a modifier of a parameter that has none', 'GET /Patient?_sort:desc=family', 400),
    one('a parameter without a value is no error, and left out', {
      send: 'GET /Patient?_id=sz1&family=',
      expect: { status: 200, ids: ['sz1'], has: { 'link.0.url': /\/Patient\?_id=sz1$/, 'entry.1.search.mode': 'outcome' } },
    }),
    refuses('a modifier of _count', 'GET /Patient?_count:exact=1', 400),
    one('a lenient client is told what of _sort, _include and modifiers was left out', {
      send: `GET /Patient?_tag=${tag}&_sort=shoesize&_include=Patient:shoe&_count:exact=1&_count=2`,
      headers: { prefer: 'handling=lenient' },
      expect: {
        status: 200,
        has: {
          'link.0.url': /\/Patient\?_tag=[^&]*&_count=2$/,
          'entry.#': 3,
          'entry.2.search.mode': 'outcome',
          'entry.2.resource.issue.#': 3,
        },
      },
    }),
    one('the self link tells only what was used, where the client is lenient', {
      send: 'GET /Patient?_id=sz1&shoesize=43',
      headers: { prefer: 'handling=lenient' },
      expect: { status: 200, ids: ['sz1'].concat([]), has: { 'link.0.url': /^(?!.*shoesize).*_id=sz1/ } },
    }),
    refuses('an unknown parameter, where the client is strict', 'GET /Patient?shoesize=43', 400, {
      headers: { prefer: 'handling=strict' },
    }),
    finds(AREA, 'Patient?gender=male&family=Delta', ['sz1']),
    one('a search through _tag finds all of them', {
      send: `GET /Patient?_tag=${tag}`,
      expect: { ids: ['sz1', 'sz2', 'sz3', 'sz4', 'sz5'] },
    }),
  ],
};

const PAGING = 'paging';
const ptag = encodeURIComponent(`${TAG}|${PAGING}`);

export const paging: Area = {
  area: PAGING,
  spec: 'http://hl7.org/fhir/R4/http.html#paging',
  given: Array.from({ length: 5 }, (_, i) => tagged(PAGING, 'Basic', `pg${i}`, { code: { text: 'x' } })),
  cases: [
    {
      name: 'next leads through all pages, once each, to an end',
      steps: [
        { send: `GET /Basic?_tag=${ptag}&_count=2&_sort=_id`, expect: { order: ['pg0', 'pg1'] }, save: { next: 'link.1.url' } },
        { send: 'GET {next}', expect: { status: 200, order: ['pg2', 'pg3'] }, save: { last: 'link.1.url' } },
        { send: 'GET {last}', expect: { status: 200, order: ['pg4'], text: /^(?!.*"relation":\s*"next")/s } },
      ],
    },
    {
      name: 'a page is the same when something is stored meanwhile',
      steps: [
        { send: `GET /Basic?_tag=${ptag}&_count=3&_sort=_id`, save: { next: 'link.1.url' } },
        { send: 'PUT /Basic/pg00', body: tagged(PAGING, 'Basic', 'pg00', { code: { text: 'x' } }) },
        { send: 'GET {next}', expect: { order: ['pg3', 'pg4'] } },
        { send: 'DELETE /Basic/pg00' },
      ],
    },
    {
      name: 'pages without a _sort repeat nothing and drop nothing',
      steps: [
        { send: `GET /Basic?_tag=${ptag}&_count=4`, expect: { has: { 'entry.#': 4 } }, save: { next: 'link.1.url' } },
        { send: 'GET {next}', expect: { has: { 'entry.#': 1 } } },
      ],
    },
    one('_count of the greatest integer is no failure', {
      send: `GET /Basic?_tag=${ptag}&_count=2147483647`,
      expect: { status: 200, has: { 'entry.#': 5 } },
    }),
    one('_count=1000000 is no failure', { send: `GET /Basic?_tag=${ptag}&_count=1000000`, expect: { status: 200, has: { 'entry.#': 5 } } }),
    refuses('a negative _count', 'GET /Basic?_count=-1', 400),
  ],
};
