/**
 * Searches at random over resources at random, answered by the server and by an evaluation in memory that shares nothing with it. More of
 * them: ORACLE_SEED=7 ORACLE_QUERIES=5000 npm test -- search/oracle
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type FhirProcess, startFhirAlone } from '../../support/fhir-process.ts';
import { TERMINOLOGY } from '../../support/search-oracle/codes.ts';
import { createWorld, matchesOf, nameOf } from '../../support/search-oracle/evaluate.ts';
import { includedWith, versionNameOf } from '../../support/search-oracle/include.ts';
import { isInOrder } from '../../support/search-oracle/order.ts';
import { makeQuery } from '../../support/search-oracle/queries.ts';
import { addressOf, type Query, textOf } from '../../support/search-oracle/query.ts';
import { makeResources, TYPES } from '../../support/search-oracle/resources.ts';
import { BASE } from '../../support/search-oracle/values.ts';

const SEED = Number(process.env['ORACLE_SEED'] ?? 1);
const QUERIES = Number(process.env['ORACLE_QUERIES'] ?? 300);
const PER_TYPE = 25;

let fhir: FhirProcess;
// Half of them were others before, and one of each type was deleted: nothing of that may be found.
const before = makeResources(SEED + 1_000_000, PER_TYPE + 1).filter((_, i) => i % 2 === 0 || i % (PER_TYPE + 1) === PER_TYPE);
const world = createWorld([...makeResources(SEED, PER_TYPE), ...TERMINOLOGY], before);

test.before(async () => {
  fhir = await startFhirAlone();
  await batch(before.map((resource) => ({ resource, request: { method: 'PUT', url: nameOf(resource) } })));
  await batch(world.resources.map((resource) => ({ resource, request: { method: 'PUT', url: nameOf(resource) } })));
  await batch(TYPES.map((type) => ({ request: { method: 'DELETE', url: `${type}/x${PER_TYPE}` } })));
});
test.after(() => fhir.stop());

const batch = async (entry: readonly object[]): Promise<void> => {
  const { json } = await fhir.request('', { body: { resourceType: 'Bundle', type: 'batch', entry } });
  const refused = json.entry.filter(({ response }: { response: { status: string } }) => !response.status.startsWith('20'));
  // A hook that fails says nothing of its own.
  if (refused.length > 0) console.log(JSON.stringify(refused[0]));
  assert.equal(refused, []);
};

interface Found {
  readonly fullUrl: string;
  readonly resource: { readonly meta: { readonly versionId: string } };
  readonly search: { readonly mode: string };
}

/** All pages; throws where one isn't answered, or counts otherwise than the one before. */
const answered = async (query: Query): Promise<{ readonly found: Found[]; readonly total: number | undefined }> => {
  const found: Found[] = [];
  let total: number | undefined;
  for (let next: string | undefined = addressOf(query); next !== undefined;) {
    const { status, json } = await sent(next.replace(BASE, ''), query.isPosted);
    if (status !== 200) throw new Error(`${status}: ${json?.issue?.[0]?.diagnostics}`);
    if (total !== undefined && json.total !== total) throw new Error(`total ${json.total} after ${total}`);
    total = json.total;
    found.push(...((json.entry ?? []) as Found[]));
    next = json.link.find(({ relation }: { relation: string }) => relation === 'next')?.url;
  }
  return { found, total };
};

const sent = async (address: string, isPosted: boolean): Promise<Answer> => {
  const [path = '', query = ''] = address.split('?');
  if (!isPosted || query.includes('_cursor')) return fhir.request(address);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return fhir.request(`${path.replace(/\/$/, '')}/_search`, { method: 'POST', body: query, headers });
};

const differenceOf = (what: string, found: readonly string[], expected: readonly string[]): string[] => {
  const [only, missed] = [found.filter((id) => !expected.includes(id)), expected.filter((id) => !found.includes(id))];
  const twice = found.filter((id, i) => found.indexOf(id) !== i);
  if (only.length + missed.length + twice.length === 0) return [];
  return [`${what}: only the server: ${only.join(' ')}; only the oracle: ${missed.join(' ')}; twice: ${twice.join(' ')}`];
};

/** What is wrong about an answer. */
const faults = async (query: Query): Promise<string[]> => {
  const { found, total } = await answered(query);
  const named = ({ fullUrl, resource }: Found, isVersioned: boolean): string => {
    const name = fullUrl.replace(`${BASE}/`, '');
    return isVersioned && resource.meta.versionId === '1' && world.first.has(name) ? `${name}/_history/1` : name;
  };
  const of = (mode: string): string[] => found.filter(({ search }) => search.mode === mode).map((each) => named(each, mode === 'include'));
  const expected = matchesOf(world, query);
  const counted = query.isCounted ? (await sent(`${addressOf(query)}&_summary=count`, false)).json.total : expected.length;
  const included = includedWith(
    world,
    expected.flatMap((name) => world.byName.get(name) ?? []),
    query.includes,
  );
  const wrong = [
    ...differenceOf('matches', of('match'), expected),
    ...(counted === expected.length ? [] : [`_summary=count says ${counted}, the oracle ${expected.length}`]),
    ...(total === undefined || total === expected.length ? [] : [`it counts ${total}, the oracle ${expected.length}`]),
    ...differenceOf(
      'included',
      of('include'),
      included.map((each) => versionNameOf(world, each)),
    ),
  ];
  const { sort } = query;
  if (wrong.length > 0 || sort === undefined) return wrong;
  const ordered = of('match').map((name) => world.byName.get(name)!);
  const at = ordered.findIndex((each, i) => i > 0 && !isInOrder(ordered[i - 1]!, each, sort));
  return at === -1 ? [] : [`${nameOf(ordered[at]!)} comes after ${nameOf(ordered[at - 1]!)}`];
};

test(`the server finds what the oracle finds, of seed ${SEED} by ${QUERIES} searches`, async () => {
  const differences: string[] = [];
  for (let n = 0; n < QUERIES; n++) {
    const query = makeQuery(world, SEED, n);
    const wrong = await faults(query).catch((error: unknown) => [String(error)]);
    if (wrong.length > 0) differences.push(`${n}: ${textOf(query)}\n   ${wrong.join('\n   ')}`);
  }
  assert.is(differences.join('\n'), '');
});

test.run();
