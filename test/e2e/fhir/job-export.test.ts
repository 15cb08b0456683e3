import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addClient } from '../../support/clients.ts';
import { fetchBytes, jobDone, linesOf } from '../../support/job.ts';
import { type Answer, eventually, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
let sql: postgres.Sql;
const put = async (resource: { resourceType: string; id: string; [element: string]: unknown }): Promise<Answer> => {
  const answer = await stack.request(`/${resource.resourceType}/${resource.id}`, { method: 'PUT', body: resource });
  assert.ok(answer.status === 200 || answer.status === 201, answer.text);
  return answer;
};
const observation = (id: string, patient: string, status = 'final'): Parameters<typeof put>[0] => ({
  resourceType: 'Observation',
  id,
  status,
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
});

test.before(async () => {
  stack = await startStack({ environment: { fhir: { JOB_LEASE_SECONDS: '3' } } });
  sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  await put({ resourceType: 'Organization', id: 'o', name: 'O' });
  for (const id of ['a', 'b']) await put({ resourceType: 'Patient', id });
  await put(observation('oa', 'a'));
  await put(observation('ob', 'b', 'preliminary'));
  await put({ ...observation('none', 'x'), subject: { reference: 'Location/l' }, note: [{ text: 'not about Patient/a' }] });
  await put({
    resourceType: 'Group',
    id: 'g',
    type: 'person',
    actual: true,
    member: [{ entity: { reference: 'Patient/a/_history/1' } }, { entity: { reference: 'Patient/b' }, inactive: true }],
  });
  // Written on several lines: in a file it is one.
  await stack.request('/Basic/lines', {
    method: 'PUT',
    body: '{\n "resourceType": "Basic",\r\n "id": "lines", "code": {"text": "1.10\\n"}\n}',
  });
});
test.after(async () => {
  await sql.end();
  await stack.stop();
});

test('/metadata names the definition of each level', async () => {
  const { json } = await stack.request('/metadata');
  const [rest] = json.rest;
  const definitionOf = ({ operation }: { operation: { name: string; definition: string }[] }): string | undefined =>
    operation.find(({ name }) => name === 'export')?.definition.replace(/^.*\//, '');
  const on = (type: string): string | undefined => definitionOf(rest.resource.find((each: { type: string }) => each.type === type));
  assert.equal([definitionOf(rest), on('Patient'), on('Group')], ['export', 'patient-export', 'group-export']);
});

const exported = async (path: string, options: Parameters<Stack['request']>[1] = {}): Promise<Answer> => {
  const answer = await jobDone(stack, await stack.request(path, { headers: { prefer: 'respond-async' }, ...options }));
  assert.is(answer.status, 200, answer.text);
  return answer;
};
const namesIn = async ({ json }: Answer, list = 'output'): Promise<string[]> => {
  const names: string[] = [];
  for (const { type, url, count } of json[list]) {
    const lines = await linesOf(stack, url);
    assert.is(lines.length, count);
    for (const line of lines) names.push(line.resourceType === 'Bundle' ? line.entry[0].request.url : `${type}/${line.id}`);
  }
  return names.sort();
};

test('exports everything, with a manifest that says what and when', async () => {
  const answer = await exported('/$export');
  assert.match(answer.headers['content-type'] as string, /^application\/json/);
  assert.ok(Date.parse(answer.headers['expires'] as string) > Date.now());
  assert.is(answer.json.requiresAccessToken, false);
  assert.is(answer.json.request, `${stack.system.state.baseUrl}/$export`);
  assert.ok(Date.parse(answer.json.transactionTime) <= Date.now());
  assert.equal(await namesIn(answer), [
    'Basic/lines',
    'Group/g',
    'Observation/none',
    'Observation/oa',
    'Observation/ob',
    'Organization/o',
    'Patient/a',
    'Patient/b',
  ]);
});

test('keeps numbers and escapes as they were written, on one line', async () => {
  const { json } = await exported('/$export?_type=Basic');
  const { bytes } = await fetchBytes(stack, json.output[0].url);
  assert.match(bytes.toString(), /"code": \{"text": "1\.10\\n"\} \}\n$/);
});

test('a file comes gzipped to who takes it so', async () => {
  const { json } = await exported('/$export?_type=Basic');
  const plain = await fetchBytes(stack, json.output[0].url);
  const zipped = await fetchBytes(stack, json.output[0].url, { headers: { 'accept-encoding': 'gzip', accept: 'application/fhir+ndjson' } });
  assert.is(plain.headers['content-type'], 'application/fhir+ndjson');
  assert.is(plain.headers['content-encoding'], undefined);
  assert.is(zipped.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(zipped.bytes), plain.bytes);
});

test('an export of patients has their compartments and nothing else', async () => {
  assert.equal(await namesIn(await exported('/Patient/$export')), [
    'Group/g',
    'Observation/oa',
    'Observation/ob',
    'Patient/a',
    'Patient/b',
  ]);
  const some = await exported('/Patient/$export', {
    body: {
      resourceType: 'Parameters',
      parameter: [
        { name: 'patient', valueReference: { reference: 'Patient/b' } },
        { name: '_type', valueString: 'Patient,Observation' },
      ],
    },
  });
  assert.equal(await namesIn(some), ['Observation/ob', 'Patient/b']);
});

test("an export of patients has what is a patient's by its own word, outside of the compartment", async () => {
  const device = (id: string, patient: string): Promise<Answer> =>
    put({ resourceType: 'Device', id, patient: { reference: `Patient/${patient}` } });
  await device('implant', 'a');
  await device('pacemaker', 'b');
  await put({ resourceType: 'Device', id: 'shelf', owner: { reference: 'Organization/o' } });
  await put({ resourceType: 'Task', id: 'call', status: 'requested', intent: 'order', for: { reference: 'Patient/a' } });
  await about('of-implant', '2024-01-01T00:00:00Z', 'Device/implant');
  const types = '_type=Device,Task,Provenance';
  assert.equal(await namesIn(await exported(`/Patient/$export?${types}`)), [
    'Device/implant',
    'Device/pacemaker',
    'Provenance/of-implant',
    'Task/call',
  ]);
  assert.equal(await namesIn(await exported(`/Group/g/$export?${types}`)), ['Device/implant', 'Provenance/of-implant', 'Task/call']);
  for (const name of ['Device/implant', 'Device/pacemaker', 'Device/shelf', 'Task/call', 'Provenance/of-implant'])
    await stack.request(`/${name}`, { method: 'DELETE' });
});

test('an export of patients has what names them in escaped characters too', async () => {
  // As PHP's json_encode writes it, and as JSON may be written.
  for (const [id, reference] of Object.entries({ slash: 'Patient\\/a', letter: '\\u0050atient/a' })) {
    const body = `{"resourceType":"Flag","id":"${id}","status":"active","code":{"text":"x"},"subject":{"reference":"${reference}"}}`;
    assert.is((await stack.request(`/Flag/${id}`, { method: 'PUT', body })).status, 201);
  }
  for (const path of ['/Patient/$export?_type=Flag', '/Group/g/$export?_type=Flag'])
    assert.equal(await namesIn(await exported(path)), ['Flag/letter', 'Flag/slash'], path);
  for (const id of ['slash', 'letter']) await stack.request(`/Flag/${id}`, { method: 'DELETE' });
});

test('an export of a group has what is of its active members', async () => {
  assert.equal(await namesIn(await exported('/Group/g/$export?_type=Observation,Patient')), ['Observation/oa', 'Patient/a']);
});

const about = async (id: string, recorded: string, ...targets: string[]): Promise<Answer> =>
  put({
    resourceType: 'Provenance',
    id,
    target: targets.map((reference) => ({ reference })),
    recorded,
    agent: [{ who: { reference: 'Organization/o' } }],
  });
const provenances = async (path: string, headers = { prefer: 'respond-async' }): Promise<string[]> =>
  (await namesIn(await exported(path, { headers }))).filter((name) => name.startsWith('Provenance/')).map((name) => name.slice(11));

test('an export of patients has the Provenances of all that is in their compartments', async () => {
  await about('of-a', '2024-01-01T00:00:00Z', 'Patient/a');
  await about('of-oa', '2024-01-01T00:00:00Z', 'Organization/o', `${stack.system.state.baseUrl}/Observation/oa/_history/1`);
  await about('of-ob', '2024-01-01T00:00:00Z', 'Observation/ob');
  await about('of-none', '2024-01-01T00:00:00Z', 'Observation/none', 'Organization/o', 'Observation/nowhere');
  for (const [path, ids] of [
    ['/$export?_type=Provenance', ['of-a', 'of-none', 'of-oa', 'of-ob']],
    ['/Patient/$export?_type=Provenance', ['of-a', 'of-oa', 'of-ob']],
    ['/Patient/$export?_type=Provenance&patient=b', ['of-ob']],
    ['/Group/g/$export?_type=Provenance', ['of-a', 'of-oa']],
  ] as const)
    assert.equal(await provenances(path), ids, path);
});

test('includeAssociatedData brings all Provenances of what is exported, or those recorded last, and no other', async () => {
  const relevant = 'includeAssociatedData=RelevantProvenanceResources';
  const latest = 'includeAssociatedData=LatestProvenanceResources';
  await about('of-oa-2', '2024-06-01T00:00:00+02:00', 'Observation/oa');
  await about('of-oa-and-a', '2023-01-01T00:00:00Z', 'Observation/oa', 'Patient/a');
  const since = new Date().toISOString();
  await put({ ...observation('ob', 'b', 'preliminary'), note: [{ text: 'later' }] });
  for (const [path, ids] of [
    [`/$export?_type=Observation&${relevant}`, ['of-none', 'of-oa', 'of-oa-2', 'of-oa-and-a', 'of-ob']],
    [`/$export?_type=Observation&${latest}`, ['of-none', 'of-oa-2', 'of-ob']],
    [`/$export?_type=Patient&${latest}`, ['of-a']],
    [`/$export?_type=Patient&${relevant}`, ['of-a', 'of-oa-and-a']],
    [`/$export?_type=Observation&_typeFilter=Observation%3F_id%3Dob&${relevant}`, ['of-ob']],
    [`/$export?_type=Observation&_typeFilter=Provenance%3F_id%3Dof-oa&${relevant}`, ['of-oa']],
    [`/$export?_since=${since}&${latest}`, ['of-ob']],
    [`/Patient/$export?_type=Observation&${latest}`, ['of-oa-2', 'of-ob']],
    [`/Patient/$export?_type=Observation&${latest},RelevantProvenanceResources`, ['of-oa', 'of-oa-2', 'of-oa-and-a', 'of-ob']],
    [`/Group/g/$export?_type=Observation&${latest}`, ['of-oa-2']],
    [`/Group/g/$export?${relevant}`, ['of-a', 'of-oa', 'of-oa-2', 'of-oa-and-a']],
  ] as const)
    assert.equal(await provenances(path), ids, path);
  const parameter = [{ name: 'includeAssociatedData', valueCoding: { code: 'LatestProvenanceResources' } }];
  const posted = await exported('/Patient/$export?_type=Patient', { body: { resourceType: 'Parameters', parameter } });
  assert.equal(await namesIn(posted), ['Patient/a', 'Patient/b', 'Provenance/of-a']);
  const before = new Date().toISOString();
  await stack.request('/Provenance/of-oa-2', { method: 'DELETE' });
  assert.equal(await provenances(`/Group/g/$export?_type=Observation&${latest}`), ['of-oa'], 'the last one was deleted');
  await put({ ...observation('oa', 'a'), note: [{ text: 'later' }] });
  const answer = await exported(`/Group/g/$export?_type=Observation&${relevant}&_since=${before}`);
  assert.equal(await namesIn(answer), ['Observation/oa', 'Provenance/of-oa', 'Provenance/of-oa-and-a']);
  assert.equal(await namesIn(answer, 'deleted'), ['Provenance/of-oa-2']);
  for (const id of ['of-a', 'of-oa', 'of-ob', 'of-none', 'of-oa-and-a']) await stack.request(`/Provenance/${id}`, { method: 'DELETE' });
});

test('_until brings what was written before it, and what was deleted before it', async () => {
  const names = ['first', 'second', 'third'];
  for (const id of names) await put({ resourceType: 'Basic', id, code: { text: 'x' } });
  const since = new Date().toISOString();
  await stack.request('/Basic/first', { method: 'DELETE' });
  await put({ resourceType: 'Basic', id: 'second', code: { text: 'y' } });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const until = new Date().toISOString();
  await stack.request('/Basic/third', { method: 'DELETE' });
  await put({ resourceType: 'Basic', id: 'fourth', code: { text: 'x' } });
  const within = await exported(`/$export?_type=Basic&_since=${since}&_until=${until}`);
  assert.equal([await namesIn(within), await namesIn(within, 'deleted')], [['Basic/second'], ['Basic/first']]);
  assert.equal(await namesIn(await exported(`/$export?_type=Basic&_until=${since}`)), ['Basic/lines']);
  for (const id of ['second', 'fourth']) await stack.request(`/Basic/${id}`, { method: 'DELETE' });
});

test('_elements leaves in what is named and what is mandatory, of the types it is named for', async () => {
  const { json } = await exported('/$export?_type=Observation,Patient&_elements=Observation.subject,Patient.id');
  assert.equal(json.output.map(({ type }: { type: string }) => type).sort(), ['Observation', 'Patient']);
  for (const { type, url } of json.output) {
    for (const line of await linesOf(stack, url)) {
      const wanted = type === 'Patient' ? ['resourceType', 'id', 'meta'] : ['resourceType', 'id', 'meta', 'status', 'code', 'subject'];
      assert.ok(
        Object.keys(line).every((key) => wanted.includes(key)),
        Object.keys(line).join(),
      );
      assert.is(line.meta.tag.at(-1).code, 'SUBSETTED');
    }
  }
});

test('an export of a group leaves out members whose period is over or has not begun', async () => {
  const group = (id: string, ofA: object, ofB: object): Promise<Answer> =>
    put({
      resourceType: 'Group',
      id,
      type: 'person',
      actual: true,
      member: [
        { entity: { reference: 'Patient/a' }, period: ofA },
        { entity: { reference: 'Patient/b' }, period: ofB },
      ],
    });
  const now = new Date().toISOString();
  for (const [ofA, ofB] of [
    [{ end: '2020' }, { start: '2020', end: '2999-01' }],
    [{ start: '2020-01-01', end: now }, { start: now }],
    [{ start: '2999-12-31' }, { end: now.slice(0, 4) }],
  ] as const) {
    await group('timed', ofA, ofB);
    assert.equal(await namesIn(await exported('/Group/timed/$export?_type=Patient')), ['Patient/b'], JSON.stringify([ofA, ofB]));
  }
  await stack.request('/Group/timed', { method: 'DELETE' });
});

test('an export of a group has what is of groups in it, and tells which members it leaves out', async () => {
  const group = (id: string, ...references: string[]): Promise<Answer> => {
    const member = references.map((reference) =>
      reference === '' ? { entity: { identifier: { value: 'x' } } } : { entity: { reference } },
    );
    return put({ resourceType: 'Group', id, type: 'person', actual: true, member });
  };
  await group('inner', 'Patient/b', 'Group/outer', '');
  await group('outer', 'Group/g', 'Group/inner', 'Group/none', 'Practitioner/d');
  const answer = await exported('/Group/outer/$export?_type=Patient');
  assert.equal(await namesIn(answer), ['Patient/a', 'Patient/b']);
  const told = (await linesOf(stack, answer.json.error[0].url)).map(({ issue }) => issue[0].diagnostics as string);
  assert.equal(told, [
    'members of Group/outer that are neither patients nor groups of this server: 1 (left out)',
    'members of Group/inner that are neither patients nor groups of this server: 1 (left out)',
    'Group/none, a member, is not there (left out)',
  ]);
  for (const id of ['inner', 'outer']) await stack.request(`/Group/${id}`, { method: 'DELETE' });
});

test('HEAD begins no job', async () => {
  const waiting = async (): Promise<number> => Number((await sql`select count(*) as n from fhir.job`)[0]!['n']);
  const before = await waiting();
  for (const path of ['/$export', '/Patient/$export?_type=Patient', '/Group/g/$export']) {
    const { status, headers } = await stack.request(path, { method: 'HEAD', headers: { prefer: 'respond-async' } });
    assert.equal([status, headers['allow']], [405, 'GET, POST, OPTIONS'], path);
  }
  assert.is((await stack.request('/Patient?_id=a', { method: 'HEAD', headers: { prefer: 'respond-async' } })).status, 200);
  assert.is(await waiting(), before);
});

test('_typeFilter leaves in what meets one of the filters of its type', async () => {
  const answer = await exported(
    '/$export?_type=Observation,Patient&_typeFilter=Observation%3Fstatus%3Dpreliminary,Observation%3F_id%3Dnone',
  );
  assert.equal(await namesIn(answer), ['Observation/none', 'Observation/ob', 'Patient/a', 'Patient/b']);
});

test('_since brings what was written from then on, and names what was deleted', async () => {
  await put({ resourceType: 'Basic', id: 'gone', code: { text: 'x' } });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const since = new Date().toISOString();
  await stack.request('/Basic/gone', { method: 'DELETE' });
  await put({ resourceType: 'Basic', id: 'new', code: { text: 'x' } });
  const answer = await exported(`/$export?_since=${since}`);
  assert.equal(await namesIn(answer), ['Basic/new']);
  assert.equal(await namesIn(answer, 'deleted'), ['Basic/gone']);
});

test('refuses what it does not know, naming it', async () => {
  for (const [path, said] of [
    ['/$export?_type=Nothing', /_type=Nothing/],
    ['/$export?_since=soon', /_since=soon/],
    ['/$export?_since=2001', /_since=2001 is no instant/],
    ['/$export?_since=2001-01-31', /_since=2001-01-31 is no instant/],
    ['/$export?_since=2001-01-31T10:00Z', /_since=.* is no instant/],
    ['/$export?_since=2001-01-31T10:00:00', /_since=.* is no instant/],
    ['/$export?_outputFormat=csv', /_outputFormat=csv/],
    ['/$export?_typeFilter=Observation', /_typeFilter=Observation/],
    ['/$export?_typeFilter=Observation%3Fcolour%3Dred', /no search parameter colour/],
    ['/$export?_typeFilter=Observation%3Fstatus%3Dfinal%26_sort%3Ddate', /_sort: it shapes the result/],
    ['/$export?_typeFilter=Observation%3F_include:iterate%3DObservation:subject', /_include:iterate: it shapes the result/],
    ['/$export?_elements=Patient.nose', /_elements=Patient.nose/],
    ['/$export?_until=2001', /_until=2001 is no instant/],
    ['/$export?includeAssociatedData=_ours', /includeAssociatedData=_ours is not known here/],
    ['/$export?organizeOutputBy=Patient', /organizeOutputBy is no parameter/],
    ['/$export?_since=2024-01-01T00:00:00Z&_since=2025-01-01T00:00:00.5%2B02:00', /_since is given twice/],
    ['/$export?_type=Patient&_typeFilter=Observation%3Fstatus%3Dfinal', /_type doesn't ask for Observation/],
    ['/Patient/$export?_type=Binary', /belongs to no patient/],
    ['/$export?patient=Patient/a', /patient belongs to an export of patients/],
    ['/Patient/$export?patient=Patient/a&patient=Patient/nobody', /patient: Patient\/nobody: there is no such patient/],
    ['/Group/g/$export?patient=a&patient=b', /patient: Patient\/b: no member of the group now/],
  ] as const) {
    const { status, json } = await stack.request(path);
    assert.is(status, 400, path);
    assert.match(json.issue[0].diagnostics, said);
  }
  assert.is((await stack.request('/Patient/a/$export')).status, 404);
  assert.is((await stack.request('/Group/none/$export')).status, 404);
});

test('what it does not know is left out where the client prefers that, and told in the file of errors', async () => {
  const asked = '/$export?_type=Basic&_shape=round&includeAssociatedData=_ours&_typeFilter=Observation%3Fstatus%3Dfinal';
  const lenient = await exported(asked, { headers: { prefer: 'respond-async, handling=lenient' } });
  const told = (await linesOf(stack, lenient.json.error[0].url)).map(({ issue }) => issue[0].diagnostics as string);
  assert.equal(
    told.map((text) => text.split(' ', 1)[0]),
    ['_shape', 'includeAssociatedData=_ours', '_typeFilter=Observation?…:'],
  );
});

test('patients that are not there, or no members, are left out where the client prefers that', async () => {
  const base = stack.system.state.baseUrl;
  for (const [path, named] of [
    [`/Patient/$export?_type=Patient&patient=${base}/Patient/a&patient=nobody`, /^patient: Patient\/nobody/],
    ['/Group/g/$export?_type=Patient&patient=Patient/a&patient=Patient/b', /^patient: Patient\/b/],
  ] as const) {
    const lenient = await exported(path, { headers: { prefer: 'respond-async, handling=lenient' } });
    assert.equal(await namesIn(lenient), ['Patient/a'], path);
    assert.match((await linesOf(stack, lenient.json.error[0].url))[0].issue[0].diagnostics, named);
  }
});

test('a patient asked for that was deleted is named as deleted', async () => {
  await put({ resourceType: 'Patient', id: 'late' });
  const since = new Date().toISOString();
  await stack.request('/Patient/late', { method: 'DELETE' });
  assert.is((await stack.request('/Patient/$export?patient=Patient/late')).status, 400);
  assert.equal(await namesIn(await exported(`/Patient/$export?_type=Patient&patient=Patient/late&_since=${since}`), 'deleted'), [
    'Patient/late',
  ]);
});

test('a file that is asked for and not read is not kept open', async () => {
  // More than what is read ahead, however well it is packed.
  await put({
    resourceType: 'Linkage',
    id: 'big',
    // A text has a million characters at most.
    item: Array.from({ length: 3 }, () => ({ type: 'source', resource: { display: randomBytes(700_000).toString('base64') } })),
  });
  const { json } = await exported('/$export?_type=Linkage');
  const { url } = json.output[0];
  for (let i = 0; i < 5; i++) {
    assert.is((await stack.request(url, { method: 'HEAD' })).status, 200);
    await new Promise<void>((resolve) => {
      const request = httpsRequest(url, { ...stack.tls('ehr-demo'), agent: false }, () => request.destroy());
      request.on('error', () => undefined);
      request.on('close', () => resolve());
      request.end();
    });
  }
  const { pid } = stack.system.parts.get('fhir')!;
  const isOpen = (fd: string): boolean => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).includes('/exports/');
    } catch {
      return false; // closed meanwhile
    }
  };
  await eventually('all are closed', () => !readdirSync(`/proc/${pid}/fd`).some(isOpen));
});

test('a Bundle can ask for no job', async () => {
  const begun = await stack.request('/$export?_type=Basic');
  const id = (begun.headers['content-location'] as string).split('/').at(-1)!;
  const { json } = await stack.request('', {
    body: { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: `$export/${id}` } }] },
  });
  assert.match(json.entry[0].response.status, /^400/);
});

test('only who began a job sees it, and only with the permission for it', async () => {
  await addClient(stack, 'other', { scopes: ['system/*.rs'], operations: ['$export'] });
  await addClient(stack, 'unpermitted', { scopes: ['system/*.rs'] });
  const begun = await stack.request('/$export?_type=Basic');
  const location = begun.headers['content-location'] as string;
  const { json } = await jobDone(stack, begun);
  for (const url of [location, json.output[0].url as string]) {
    const statusFor = async (client: string): Promise<number> => (await fetchBytes(stack, url, { client })).status;
    assert.equal([await statusFor('ehr-demo'), await statusFor('other'), await statusFor('unpermitted')], [200, 404, 403]);
  }
  assert.is((await stack.request(location, { client: 'other', method: 'DELETE' })).status, 404);
  assert.is((await stack.request('/$export', { client: 'unpermitted' })).status, 403);
});

test('exports only types that the client may search and read', async () => {
  await addClient(stack, 'narrow', { scopes: ['system/Patient.rs', 'system/Observation.r'], operations: ['$export', '$everything'] });
  const answer = await jobDone(stack, await stack.request('/$export', { client: 'narrow' }), { client: 'narrow' });
  assert.equal(
    answer.json.output.map(({ type }: { type: string }) => type),
    ['Patient'],
  );
  const refused = await stack.request('/$export?_type=Observation', { client: 'narrow' });
  assert.is(refused.status, 403);
  assert.match(refused.json.issue[0].diagnostics, /system\/Observation\.s/);
  const all = await stack.request('/Patient/a/$everything', { client: 'narrow' });
  assert.equal(
    all.json.entry.map(({ resource }: { resource: { resourceType: string } }) => resource.resourceType),
    ['Patient', 'Observation'],
  );
  assert.is((await stack.request('/Patient/a/$everything?_type=Group', { client: 'narrow' })).status, 403);
});

test('a cancelled job is gone, and its files with it', async () => {
  const begun = await stack.request('/$export');
  const location = begun.headers['content-location'] as string;
  const { json } = await jobDone(stack, begun);
  const folder = join(stack.data, 'exports', location.split('/').at(-1)!);
  assert.ok(readdirSync(folder).length > 0);
  assert.is(statSync(folder).mode & 0o777, 0o700);
  assert.is((await stack.request(location, { method: 'DELETE' })).status, 202);
  for (const url of [location, json.output[0].url]) assert.is((await stack.request(url)).status, 404);
  assert.is((await stack.request(location, { method: 'DELETE' })).status, 404);
  await stack.system.restart('fhir'); // cleans up at its start
  await eventually('the files are gone', () => !existsSync(folder));
});

test('the trail names the beginning, each file with its patients, and each download', async () => {
  const begun = await stack.request('/$export?_type=Observation');
  const { json } = await jobDone(stack, begun);
  const { url } = json.output[0];
  await fetchBytes(stack, url);
  const id = url.split('/').at(-2);
  const events = (
    await sql`select body::jsonb as event from audit.event where body::jsonb->'job'->>'id' = ${id} and body::jsonb->>'interaction' <> 'job-status' order by xid, seq`
  ).map(({ event }) => event as { interaction: string; status: number; reason?: string; count?: number; patients?: string[]; job: object });
  assert.equal(
    events.map(({ interaction, status, reason, count, job, patients }) => ({
      interaction,
      status,
      reason,
      count,
      job,
      patients: patients?.sort(),
    })),
    [
      { interaction: 'operation', status: 202, reason: 'export of Observation', count: undefined, job: { id }, patients: undefined },
      {
        interaction: 'operation',
        status: 200,
        reason: 'written for export',
        count: 3,
        job: { id, file: 'Observation-0001.ndjson', types: { Observation: 3 } },
        patients: ['Patient/a', 'Patient/b'],
      },
      {
        interaction: 'operation',
        status: 200,
        reason: 'export done',
        count: 3,
        job: { id, types: { Observation: 3 } },
        patients: undefined,
      },
      {
        interaction: 'job-file',
        status: 200,
        reason: 'of 2 patients',
        count: 3,
        job: { id, file: 'Observation-0001.ndjson', types: { Observation: 3 } },
        patients: undefined,
      },
    ],
  );
});

test.run();
