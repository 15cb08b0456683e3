import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idsOf, storeAll, testRefusals } from '../../support/search.ts';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

const reference = (to: string): object => ({ reference: to });
const ORGANIZATIONS = Array.from({ length: 12 }, (_, i) => `o${String(i).padStart(2, '0')}`);

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  await storeAll(stack, [
    ...ORGANIZATIONS.map((id, i) => ({
      resourceType: 'Organization',
      id,
      // A few share a name, and a few have none.
      ...(i % 4 === 3 ? { identifier: [{ value: id }] } : { name: `Clinic ${i % 3}` }),
      ...(i > 0 && { partOf: reference(`Organization/${ORGANIZATIONS[i - 1]}`) }),
    })),
    {
      resourceType: 'Patient',
      id: 'p',
      managingOrganization: reference('Organization/o03'),
      link: [{ other: reference('Patient/q'), type: 'seealso' }],
    },
    { resourceType: 'Patient', id: 'q' },
    { resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'AMB' }, subject: reference('Patient/p') },
    { resourceType: 'Flag', id: 'f', status: 'active', code: { text: 'x' }, subject: reference('Patient/p') },
    { resourceType: 'Questionnaire', id: 'phq', status: 'active', url: 'http://example.org/q/phq', version: '2' },
    {
      resourceType: 'QuestionnaireResponse',
      id: 'answers',
      status: 'completed',
      questionnaire: 'http://example.org/q/phq|2',
      subject: reference('Patient/p'),
    },
    {
      resourceType: 'PlanDefinition',
      id: 'plan',
      status: 'active',
      relatedArtifact: [
        { type: 'depends-on', resource: 'http://example.org/q/phq' },
        { type: 'derived-from', resource: 'http://example.org/q/none' },
      ],
    },
  ]);
});
test.after(() => stack.stop());

const nextOf = ({ json }: Answer): string | undefined =>
  json.link.find((link: { relation: string }) => link.relation === 'next')?.url as string | undefined;

/** Every page, with `between` done before each but the first. */
const pages = async (path: string, between: (page: number) => Promise<unknown> = () => Promise.resolve()): Promise<string[]> => {
  const found: string[] = [];
  let page = 0;
  for (let url: string | undefined = path; url !== undefined; page++) {
    if (page > 0) await between(page);
    const answer: Answer = await stack.request(url);
    assert.is(answer.status, 200, answer.text);
    found.push(...idsOf(answer));
    url = nextOf(answer);
  }
  return found;
};

test('the links of a page keep its form', async () => {
  const asked = '_count=5&_format=json&_pretty=true&_elements=name';
  const first = await stack.request(`/Organization?${asked}`);
  assert.match(first.json.link[0].url, new RegExp(`\\?${asked}$`));
  const second = await stack.request(nextOf(first)!);
  assert.match(second.text, /^\{\n/);
  assert.ok(second.json.entry.every(({ resource }: { resource: object }) => !('partOf' in resource)));
  const xml = await stack.request('/Organization?_count=5&_format=xml');
  const next = /<relation value="next"\/><url value="([^"]*)"/.exec(xml.text)?.[1]?.replaceAll('&amp;', '&');
  assert.match((await stack.request(next!)).headers['content-type'] as string, /^application\/fhir\+xml/);
});

for (const order of [
  '',
  '&_sort=partof,name',
  '&_sort=-identifier',
  '&_sort=name',
  '&_sort=-name,_id',
  '&_sort=name,-_lastUpdated',
  '&_sort=-_lastUpdated',
  '&_sort=-_id',
]) {
  test(`repeats and drops nothing that stays while others come, change and go${order && ` in the order ${order}`}`, async () => {
    const path = `/Organization?_id=${ORGANIZATIONS.join(',')},new1,new2,new3,new4,new5,new6,gone`;
    await stack.request('/Organization/gone', { method: 'PUT', body: { resourceType: 'Organization', id: 'gone', name: 'A' } });
    const found = await pages(`${path}${order}&_count=2`, async (page) => {
      const id = `new${page}`;
      await stack.request(`/Organization/${id}`, {
        method: 'PUT',
        body: { resourceType: 'Organization', id, name: page % 2 ? 'AAA' : 'ZZZ' },
      });
      await stack.request('/Organization/gone', { method: 'DELETE' });
    });
    assert.equal(found.filter((id) => id.startsWith('o')).sort(), ORGANIZATIONS);
    assert.is(new Set(found).size, found.length);
    for (const id of found.filter((each) => each.startsWith('new'))) await stack.request(`/Organization/${id}`, { method: 'DELETE' });
  });
}

test('sorts by several keys, and puts what has no value last in either direction', async () => {
  const names = async (sort: string): Promise<(string | undefined)[]> => {
    const answer = await stack.request(`/Organization?_id=${ORGANIZATIONS.join(',')}&_sort=${sort}`);
    return (answer.json.entry as { resource: { name?: string } }[]).map(({ resource }) => resource.name);
  };
  const up = await names('name');
  assert.equal(up.slice(-3), [undefined, undefined, undefined]);
  assert.equal(up.slice(0, -3), up.slice(0, -3).toSorted());
  const down = await names('-name');
  assert.equal(down.slice(-3), [undefined, undefined, undefined]);
  assert.equal(down.slice(0, -3), down.slice(0, -3).toSorted().reverse());
});

test('includes what is pointed to, over and over where :iterate asks for it, and each once', async () => {
  const included = async (query: string): Promise<string[]> => {
    const answer = await stack.request(`/${query}`);
    assert.is(answer.status, 200, answer.text);
    return idsOf(answer, 'include').sort();
  };
  assert.equal(await included('Patient?_id=p&_include=Patient:organization'), ['o03']);
  assert.equal(await included('Patient?_id=p&_include=Patient:organization&_include:iterate=Organization:partof'), [
    'o00',
    'o01',
    'o02',
    'o03',
  ]);
  assert.equal(await included('Organization?_id=o00&_revinclude:iterate=Organization:partof'), ORGANIZATIONS.slice(1, 9));
  assert.equal(await included('Patient?_id=p&_include=*'), ['o03', 'q']);
  assert.equal(await included('Patient?_id=p&_include=Patient:*'), ['o03', 'q']);
  assert.equal(await included('Patient?_id=p&_revinclude=*'), ['answers', 'e', 'f']);
  assert.equal(await included('Patient?_id=p&_revinclude=Encounter:*&_revinclude=Flag:subject:Patient'), ['e', 'f']);
  assert.equal(await included('QuestionnaireResponse?_id=answers&_include=QuestionnaireResponse:questionnaire'), ['phq']);
  const [dependsOn, derivedFrom] = ['_include=PlanDefinition:depends-on', '_include=PlanDefinition:derived-from'];
  assert.equal(await included(`PlanDefinition?${dependsOn}:Questionnaire&${derivedFrom}`), ['phq']);
  assert.equal(await included(`PlanDefinition?${dependsOn}:Library&${derivedFrom}`), []);
  assert.equal(await included('?_type=Encounter,Flag&_id=e,f&_include=Encounter:subject&_include=Flag:subject'), ['p']);
});

test('counts as the client asks', async () => {
  const total = async (query: string): Promise<unknown> =>
    (await stack.request(`/Organization?_id=${ORGANIZATIONS.join(',')}&_count=2${query}`)).json.total;
  assert.is(await total(''), undefined);
  assert.is(await total('&_total=none'), undefined);
  assert.is(await total('&_total=accurate'), 12);
  assert.is(await total('&_total=estimate'), 12);
});

const cursor = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const damaged = { status: 400, says: /_cursor is damaged/ };

testRefusals(() => stack, {
  // What no client should send: each is its own fault, and says so.
  '/Patient?name=%00': { status: 400, says: /NUL/ },
  '/Patient?%00=1': { status: 400, says: /NUL/ },
  '/Patient?name=a%00b&_id=1': { status: 400, says: /NUL/ },
  '/Patient?name=%ED%A0%80': { status: 400, says: /percent/ },
  '/Patient?name=%C0%80': { status: 400, says: /percent/ },
  '/RiskAssessment?probability=1e999': { status: 400, says: /is no number/ },
  '/RiskAssessment?probability=0x10': { status: 400, says: /is no number/ },
  '/RiskAssessment?probability=NaN': { status: 400, says: /is no number/ },
  '/Observation?value-quantity=5|a|b|c': { status: 400, says: /5.4\|system\|code/ },
  '/Observation?value-quantity=|a|b': { status: 400, says: /is no number/ },
  '/Patient?birthdate=2024-13': { status: 400, says: /is no date/ },
  '/Patient?birthdate=2024-02-30': { status: 400, says: /is no date/ },
  '/Patient?birthdate=ge': { status: 400, says: /is no date/ },
  '/Patient?birthdate=20240101': { status: 400, says: /is no date/ },
  '/Patient?_lastUpdated=99999-01-01': { status: 400, says: /is no date/ },
  '/Patient?birthdate=,': { status: 400, says: /empty value/ },
  '/Patient?gender=,male': { status: 400, says: /empty value/ },
  '/Patient?name=a%5Cb': { status: 400, says: /backslash/ },
  '/Patient?name=a,b%5C%5C%5C': { status: 400, says: /backslash/ },
  '/Patient?identifier=a|b|c': { status: 400, says: /system\|code/ },
  '/Patient?_count=-1': { status: 400, says: /whole number/ },
  '/Patient?_count=1e9': { status: 400, says: /whole number/ },
  '/Patient?_total=some': { status: 400, says: /none of none/ },
  '/Patient?active:missing=maybe': { status: 400, says: /true or false/ },
  '/Patient?_id:missing=maybe': { status: 400, says: /true or false/ },
  '/Patient?name:exact:contains=x': { status: 400, says: /more than one modifier/ },
  '/Location?_sort=near': { status: 400, says: /special parameter has no order/ },
  '/?_type=Patient,ResearchStudy&_sort=shoe': { status: 400, says: /no search parameter shoe/ },
  [`/Patient?_sort=gender&_cursor=${cursor([1, 1])}`]: damaged,
  '/Patient?_containedType=container': { status: 400, says: /_containedType/ },
  '/Patient?_include=Observation:subject': { status: 400, says: /finds no Observation/ },
  '/Patient?_include=Patient': { status: 400, says: /Type:parameter/ },
  '/Patient?_include=Patient:shoe': { status: 400, says: /no reference parameter shoe/ },
  '/Patient?_cursor=abc': damaged,
  [`/Patient?_cursor=${cursor(['x'])}`]: damaged,
  [`/Patient?_cursor=${cursor([1.5])}`]: damaged,
  [`/Patient?_cursor=${cursor([1e300])}`]: damaged,
  [`/Patient?_cursor=${cursor([1, 2])}`]: damaged,
  [`/Patient?_cursor=${cursor({ length: 1 })}`]: damaged,
  [`/Patient?_sort=name&_cursor=${cursor([7, 1])}`]: damaged,
  [`/Patient?_sort=name&_cursor=${cursor(['a\0b', 1])}`]: damaged,
  [`/Patient?_sort=birthdate&_cursor=${cursor(['soon', 1])}`]: damaged,
  [`/Patient?_sort=birthdate&_cursor=${cursor([0.5, 1])}`]: damaged,
  [`/Patient?_sort=-_lastUpdated&_cursor=${cursor(['1; drop table', 1])}`]: damaged,
  [`/Observation?_sort=value-quantity&_cursor=${cursor(['1', 1])}`]: damaged,
  [`/Patient?${'name=x&'.repeat(101)}`]: { status: 413, says: /100 parameters/ },
  [`/Patient?gender=${'x,'.repeat(600)}x`]: { status: 413, says: /alternatives/ },
});

const HARMLESS = [
  '/Patient?name=%F0%9F%92%A9',
  `/Patient?name=${'%F0%9F%92%A9'.repeat(90)}`,
  '/Patient?name=%5C%5C',
  "/Patient?name=' or 1=1 --",
  '/Patient?name=%25_',
  '/Patient?identifier=%7B%22a%22%7D|%5C%5C',
  '/Patient?_id=%22,%7B%7D',
  '/Patient?birthdate=0000',
  '/Patient?birthdate=9999',
  '/Patient?birthdate=ap9999-12-31',
  '/Patient?birthdate=2016-12-31T23:59:60Z',
  '/Patient?_lastUpdated=ge0001-01-01',
  '/Patient?_lastUpdated=lt9999-12-31',
  '/RiskAssessment?probability=1.7e308',
  '/RiskAssessment?probability=ap1e308',
  '/RiskAssessment?probability=-0.0000000000000000000000000000000000001',
  '/Observation?value-quantity=1e308||kg',
  '/Observation?value-quantity=1||%5B%5B%5B',
  `/Observation?value-quantity=1||${'m.'.repeat(200)}`,
  `/Patient?_content=${'word '.repeat(300)}`,
  "/Patient?_content=a'b:*|!%26()<->",
  `/Patient?_cursor=${cursor([-1])}`,
  `/Patient?_sort=name&_cursor=${cursor([null, 1])}`,
];
for (const path of HARMLESS) {
  test(`answers ${path.slice(0, 60)} with 200`, async () => {
    const answer = await stack.request(path.replaceAll(/[ '<>]/g, encodeURIComponent));
    assert.is(answer.status, 200, answer.text.slice(0, 300));
  });
}

test.run();
