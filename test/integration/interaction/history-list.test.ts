/** `_list` of a history. Source: http://hl7.org/fhir/R4/http.html#history */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FhirProcess, startFhirAlone } from '../../support/fhir-process.ts';
import { eventually } from '../../support/stack.ts';

let fhir: FhirProcess;
const put = async (path: string, body: object): Promise<void> => {
  const { status, text } = await fhir.request(path, { method: 'PUT', body });
  assert.ok(status < 300, text);
};
const list = (id: string, ...references: readonly string[]): Promise<void> => {
  const entry = references.map((reference) => ({ item: { reference } }));
  return put(`/List/${id}`, { resourceType: 'List', id, status: 'current', mode: 'working', ...(entry.length > 0 && { entry }) });
};

test.before(async () => {
  fhir = await startFhirAlone();
  for (const version of ['1', '2', '3'])
    for (const id of ['a', 'b', 'c']) await put(`/Basic/${id}`, { resourceType: 'Basic', id, code: { text: version } });
  await put('/Patient/a', { resourceType: 'Patient', id: 'a' });
  await fhir.request('/Basic/c', { method: 'DELETE' });
  await list(
    'whole',
    'Basic/a',
    'http://localhost/fhir/Basic/c',
    'Patient/a',
    'Basic/never',
    'http://elsewhere.example.org/fhir/Basic/b',
    'urn:oid:1.2',
  );
  await list('versions', 'Basic/a/_history/2', 'Basic/b/_history/1', 'Basic/b/_history/9');
  await list('both', 'Basic/a/_history/2', 'Basic/a');
  await list('nothing');
  await list('gone', 'Basic/a');
  await fhir.request('/List/gone', { method: 'DELETE' });
  // A history of several resources waits for what others of this PostgreSQL have begun.
  await eventually('all of it is told', async () => (await versions('/_history')).length === 17);
});
test.after(() => fhir.stop());

type Entry = { fullUrl: string; response: { etag: string } };
const versions = async (path: string): Promise<string[]> => {
  const { status, json, text } = await fhir.request(path);
  assert.is(status, 200, text);
  const own = ((json.entry ?? []) as Entry[]).map(
    ({ fullUrl, response }) => `${fullUrl.split('/fhir/')[1]}/${/\d+/.exec(response.etag)![0]}`,
  );
  const next = json.link.find(({ relation }: { relation: string }) => relation === 'next')?.url as string | undefined;
  return next === undefined ? own : [...own, ...(await versions(next.replace('http://localhost/fhir', '')))];
};

for (const [path, expected] of Object.entries({
  '/Basic/_history?_list=whole': ['Basic/a/1', 'Basic/a/2', 'Basic/a/3', 'Basic/c/1', 'Basic/c/2', 'Basic/c/3', 'Basic/c/4'],
  '/Basic/_history?_list=List/whole&_count=2': ['Basic/a/1', 'Basic/a/2', 'Basic/a/3', 'Basic/c/1', 'Basic/c/2', 'Basic/c/3', 'Basic/c/4'],
  '/_history?_list=whole': ['Basic/a/1', 'Basic/a/2', 'Basic/a/3', 'Basic/c/1', 'Basic/c/2', 'Basic/c/3', 'Basic/c/4', 'Patient/a/1'],
  '/Patient/_history?_list=whole': ['Patient/a/1'],
  '/Basic/a/_history?_list=whole': ['Basic/a/1', 'Basic/a/2', 'Basic/a/3'],
  '/Basic/b/_history?_list=whole': [],
  // "that are referenced": a reference to a version is to that one.
  '/_history?_list=versions': ['Basic/a/2', 'Basic/b/1'],
  '/Basic/_history?_list=both': ['Basic/a/1', 'Basic/a/2', 'Basic/a/3'],
  '/Basic/_history?_list=nothing': [],
  '/Basic/_history?_list=gone': [],
  '/Basic/_history?_list=never': [],
  '/Basic/_history?_list=whole&_since=2099-01-01': [],
}))
  test(`tells ${expected.join(', ') || 'nothing'} by ${path}`, async () => {
    assert.equal((await versions(path)).sort(), expected);
  });

test('counts the versions', async () => {
  const { json } = await fhir.request('/_history?_list=whole&_summary=count');
  assert.is(json.total, 8);
});

for (const [path, says] of Object.entries({
  '/AllergyIntolerance/_history?_list=$current-allergies': /give the id of a List/,
  '/Basic/_history?_list=Patient/a': /takes the id of a List/,
}))
  test(`refuses ${path}`, async () => {
    const { status, json } = await fhir.request(path);
    assert.is(status, 400);
    assert.match(json.issue[0].diagnostics, says);
  });

test.run();
