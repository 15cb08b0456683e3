/** The two readings of a path, by closures in this process and by jsonpath in the database, are held against each other. */
import { globSync, readFileSync } from 'node:fs';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { createIndexPlan } from '../../../fhir/search/index-plan.ts';
import { startPostgres } from '../../support/postgres.ts';

const registry = loadRegistry();
const planOf = createIndexPlan(registry, 'https://example.org/fhir');
const SORTED = new Set(['token', 'ref', 'uri']);

let sql: postgres.Sql;
let stop: () => Promise<void>;
test.before(async () => {
  const server = await startPostgres();
  const database = await server.createDatabase();
  sql = postgres(database.appUrl, { max: 1 });
  stop = async () => {
    await sql.end();
    await database.drop();
    await server.stop();
  };
});
test.after(() => stop());

const pathsOf = (type: string) => [...planOf(type).parameters.values()].filter(({ parameterType }) => SORTED.has(parameterType.table));

test('every token, reference and uri parameter has a path that the database can read', async () => {
  const none: string[] = [];
  const written = new Set<string>();
  for (const type of registry.resourceTypes)
    for (const { parameter, paths } of pathsOf(type)) {
      const found = paths.flatMap(({ jsonPaths }) => jsonPaths?.() ?? []);
      if (found.length === 0) none.push(`${type}.${parameter.code}`);
      for (const { path } of found) written.add(path);
    }
  assert.equal(none, []);
  const [row] = await sql.unsafe('select count(*)::int as bad from unnest($1::text[]) p where not pg_input_is_valid(p, $$jsonpath$$)', [
    [...written],
  ]);
  assert.is(row!['bad'], 0);
  assert.ok(written.size > 400, String(written.size));
});

const collect = (value: unknown, into: Record<string, unknown>[]): void => {
  if (typeof value !== 'object' || value === null) return;
  const { resourceType } = value as { resourceType?: unknown };
  if (typeof resourceType === 'string' && registry.isResourceType(resourceType)) into.push(value as Record<string, unknown>);
  for (const each of Object.values(value)) collect(each, into);
};

test('both readings find the same values in real resources', async () => {
  const resources: Record<string, unknown>[] = [];
  for (const file of globSync('test/data/**/*.json')) collect(JSON.parse(readFileSync(file, 'utf8')), resources);
  let compared = 0;
  const queries: { path: string; body: string; expected: unknown[]; name: string }[] = [];
  for (const resource of resources) {
    const type = resource['resourceType'] as string;
    for (const { parameter, paths } of pathsOf(type))
      for (const path of paths) {
        const expected: unknown[] = [];
        path.select(resource, (value) => expected.push(value));
        const text = (path.jsonPaths?.() ?? []).map((each) => each.path).join('\n');
        queries.push({ path: text, body: JSON.stringify(resource), expected, name: `${type}.${parameter.code}` });
      }
  }
  const texts = (values: readonly unknown[]): string[] => values.map((each) => JSON.stringify(sortedKeys(each))).sort();
  for (let i = 0; i < queries.length; i += 500) {
    const some = queries.slice(i, i + 500);
    const rows = await sql.unsafe(
      `select i.n, coalesce((select json_agg(v) from string_to_table(i.paths, E'\\n') p(path), jsonb_path_query(i.body::jsonb, p.path::jsonpath) v), '[]')::text as found
from unnest($1::text[], $2::text[]) with ordinality i(paths, body, n) order by i.n`,
      [some.map(({ path }) => path), some.map(({ body }) => body)],
    );
    for (const [n, { expected, name }] of some.entries()) {
      assert.equal(texts(JSON.parse(rows[n]!['found'] as string) as unknown[]), texts(expected), name);
      if (expected.length > 0) compared++;
    }
  }
  assert.ok(compared > 200, String(compared));
});

const sortedKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, each]) => [key, sortedKeys(each)]),
  );
};

test.run();
