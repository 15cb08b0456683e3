/**
 * What the same answers cost with nothing around them: a read and a search by identifier, each one SQL statement, over Hono and postgres.js.
 * No audit, no identity, no validation, no parsing of searches.
 */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { loadRegistry } from '../../fhir/definitions/registry.ts';
import { createPool } from '../../fhir/store/pool.ts';
import { RID_SPAN } from '../../fhir/store/rid.ts';

const baseUrl = process.env['FHIR_BASE_URL']!;
const sql = createPool(process.env['DATABASE_URL']!, { max: 10, application: 'bare' });
const type = loadRegistry().typeId('Patient');
const [key] = await sql.unsafe<{ id: number }[]>(`select id from fhir.index_key where key = 'token:Patient.identifier'`);
const fhirJson = { 'content-type': 'application/fhir+json; charset=utf-8' };
const columns = 'r.rid, r.type, r.id, r.version, (extract(epoch from r.updated) * 1000)::bigint as updated, r.body';

const READ = `select ${columns} from fhir.resource r where r.type = $1 and r.id = $2`;
const BY_IDENTIFIER = `select ${columns} from (
  select distinct c.rid from (
    select t.rid from fhir.sp_token t
    where t.key = ${key!.id} and t.code = hashtextextended($1, 0) and t.system = hashtext($2) and t.rid >= ${type * RID_SPAN} and t.rid < ${(type + 1) * RID_SPAN}
  ) c order by c.rid limit 51
) hit join fhir.resource r on r.rid = hit.rid order by hit.rid`;

interface Row {
  readonly id: string;
  readonly version: number;
  readonly updated: string;
  readonly body: string;
}

const app = new Hono();
app.get('/fhir/Patient/:id', async (context) => {
  const [row] = await sql.unsafe<Row[]>(READ, [type, context.req.param('id')], { prepare: true });
  if (row === undefined) return context.body(null, 404);
  const headers = { ...fhirJson, etag: `W/"${row.version}"`, 'last-modified': new Date(Number(row.updated)).toUTCString() };
  return context.body(row.body, 200, headers);
});
app.get('/fhir/Patient', async (context) => {
  const [system, value] = context.req.query('identifier')!.split('|');
  const rows = await sql.unsafe<Row[]>(BY_IDENTIFIER, [value!, system!], { prepare: true });
  const entries = rows.map(({ id, body }) => `{"fullUrl":"${baseUrl}/Patient/${id}","resource":${body},"search":{"mode":"match"}}`);
  return context.body(`{"resourceType":"Bundle","type":"searchset","total":${rows.length},"entry":[${entries.join(',')}]}`, 200, fhirJson);
});

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env['FHIR_PORT']) }, () =>
  process.stdout.write(`${JSON.stringify({ msg: 'ready' })}\n`),
);
process.on('SIGTERM', () => process.exit(0));
