/** "If a reference is versioned and _include is performed on it, the specified version SHOULD be provided." Source: http://hl7.org/fhir/R4/search.html#revinclude */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FhirProcess, startFhirAlone } from '../../support/fhir-process.ts';

let fhir: FhirProcess;

const put = async (id: string, resource: object): Promise<void> => {
  const { status, text } = await fhir.request(id, { method: 'PUT', body: resource });
  assert.ok(status < 300, text);
};
const patient = (id: string, reference: string): Promise<void> =>
  put(`/Patient/${id}`, { resourceType: 'Patient', id, managingOrganization: { reference } });

test.before(async () => {
  fhir = await startFhirAlone();
  const organization = (id: string, partOf?: string): Promise<void> =>
    put(`/Organization/${id}`, {
      resourceType: 'Organization',
      id,
      name: id,
      ...(partOf && { partOf: { reference: `Organization/${partOf}` } }),
    });
  await organization('old');
  await organization('new');
  await organization('o', 'old');
  await organization('o', 'new');
  await organization('gone');
  await fhir.request('/Organization/gone', { method: 'DELETE' });
  await organization('back');
  await fhir.request('/Organization/back', { method: 'DELETE' });
  await organization('back');
  await patient('newest', 'Organization/o');
  await patient('first', 'Organization/o/_history/1');
  await patient('absolute', 'http://localhost/fhir/Organization/o/_history/1');
  await patient('second', 'Organization/o/_history/2');
  await patient('none', 'Organization/o/_history/9');
  await patient('word', 'Organization/o/_history/latest');
  await patient('huge', 'Organization/o/_history/99999999999');
  await patient('beforeDeletion', 'Organization/gone/_history/1');
  await patient('deletion', 'Organization/gone/_history/2');
  await patient('deletionBack', 'Organization/back/_history/2');
});
test.after(() => fhir.stop());

const INCLUDE = '_include=Patient:organization';
for (const [query, included] of Object.entries({
  [`Patient?_id=newest&${INCLUDE}`]: ['o/2'],
  [`Patient?_id=first&${INCLUDE}`]: ['o/1'],
  [`Patient?_id=absolute&${INCLUDE}`]: ['o/1'],
  // Each version once.
  [`Patient?_id=first,absolute&${INCLUDE}`]: ['o/1'],
  [`Patient?_id=newest,second,none,huge&${INCLUDE}`]: ['o/2'],
  [`Patient?_id=newest,first&${INCLUDE}`]: ['o/1', 'o/2'],
  // What isn't there, or is a deletion, is the newest one where that is there.
  [`Patient?_id=none&${INCLUDE}`]: ['o/2'],
  [`Patient?_id=word&${INCLUDE}`]: ['o/2'],
  [`Patient?_id=huge&${INCLUDE}`]: ['o/2'],
  [`Patient?_id=beforeDeletion&${INCLUDE}`]: ['gone/1'],
  [`Patient?_id=deletion&${INCLUDE}`]: [],
  [`Patient?_id=deletionBack&${INCLUDE}`]: ['back/3'],
  // What an older version points to is what it pointed to, and a match isn't included again.
  [`Patient?_id=first&${INCLUDE}&_include:iterate=Organization:partof`]: ['o/1', 'old/1'],
  [`Organization?_id=o&_revinclude=Patient:organization&_include:iterate=Patient:organization`]: [
    'absolute/1',
    'first/1',
    'huge/1',
    'newest/1',
    'none/1',
    'o/1',
    'second/1',
    'word/1',
  ],
}))
  test(`includes ${included.join(', ') || 'nothing'} by ${query}`, async () => {
    const { status, json, text } = await fhir.request(`/${query}`);
    assert.is(status, 200, text);
    const found = json.entry.filter(({ search }: { search: { mode: string } }) => search.mode === 'include');
    const names = found.map(
      ({ resource: { id, meta } }: { resource: { id: string; meta: { versionId: string } } }) => `${id}/${meta.versionId}`,
    );
    assert.equal(names.sort(), included);
  });

test.run();
