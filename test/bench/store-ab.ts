/**
 * The measurements behind fhir/store/README.md: `node test/bench/store-ab.ts [PATIENTS]`. On a real PostgreSQL, with made-up patients of
 * ten observations each: how an index is searched and what it costs to write, and where the current body lies.
 */
import { readFileSync } from 'node:fs';
import postgres from 'postgres';
import { startPostgres } from '../support/postgres.ts';

const patients = Number(process.argv[2] ?? 1000);
const OBSERVATIONS = 10;
const RUNS = 400;

const server = await startPostgres();
const database = await server.createDatabase();
const sql = postgres(database.ownerUrl, { max: 1, onnotice: () => undefined });
const total = patients * OBSERVATIONS;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** CPU of the one backend, in microseconds: user and system ticks of /proc. */
const [{ pid }] = (await sql`select pg_backend_pid() as pid`) as unknown as [{ pid: number }];
const cpuUs = (): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
};

const measure = async (name: string, runs: number, work: (i: number) => Promise<unknown>): Promise<void> => {
  for (let i = 0; i < Math.min(20, runs); i++) await work(i);
  const times: number[] = [];
  const before = cpuUs();
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await work(i);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): string => times[Math.floor(times.length * part)]!.toFixed(2);
  say(`${name.padEnd(58)} p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  ${Math.round((cpuUs() - before) / runs)} us CPU`);
};

say(`${patients} patients, ${total} observations`);
await sql.unsafe(`
create table ab_narrow (key smallint not null, code bigint not null, system integer, rid bigint not null);
create index on ab_narrow (key, code, rid) include (system);
create table ab_array (rid bigint primary key, tokens bigint[] not null);
create index on ab_array using gin (tokens) with (fastupdate = off);
create table ab_head (rid bigint primary key, version integer not null, body text not null);
create table ab_pointer (rid bigint primary key, version integer not null);
create table ab_history (rid bigint not null, version integer not null, body text not null, primary key (rid, version));`);
// Per observation: its code (of 40), its status (the same for all), its patient, and an identifier of its own.
const tokens =
  "array[hashtextextended('code' || i % 40, 0), hashtextextended('final', 0), hashtextextended('Patient/' || i / 10, 0), hashtextextended('id' || i, 0)]";
await sql.unsafe(`insert into ab_array select i, ${tokens} from generate_series(0, ${total - 1}) i;
insert into ab_narrow select n, (${tokens})[n], 1, i from generate_series(0, ${total - 1}) i, generate_series(1, 4) n;
insert into ab_head select i, 1, repeat(md5(i::text), 32) from generate_series(0, ${total - 1}) i;
insert into ab_pointer select i, 1 from generate_series(0, ${total - 1}) i;
insert into ab_history select rid, 1, body from ab_head`);
await sql.unsafe('vacuum analyze');
const size = async (...tables: string[]): Promise<string> => {
  const [row] = await sql.unsafe<{ mb: string }[]>(
    `select round(sum(pg_total_relation_size(t::regclass)) / 1048576.0, 1)::text as mb from unnest($1::text[]) t`,
    [`{${tables.join(',')}}`],
  );
  return `${row!.mb} MB`;
};
say(
  `size: narrow ${await size('ab_narrow')}, arrays ${await size('ab_array')}; body in head ${await size('ab_head')}, pointer and history ${await size('ab_pointer', 'ab_history')}`,
);

const query = (text: string, ...values: number[]): Promise<unknown> => sql.unsafe(text, values, { prepare: true });
await measure('by identifier, narrow', RUNS, (i) =>
  query(`select rid from ab_narrow where key = 4 and code = hashtextextended('id' || $1::int, 0) order by rid limit 51`, (i * 37) % total),
);
await measure('by identifier, arrays + GIN', RUNS, (i) =>
  query(`select rid from ab_array where tokens @> array[hashtextextended('id' || $1::int, 0)] order by rid limit 51`, (i * 37) % total),
);
await measure('patient and code, narrow', RUNS, (i) =>
  query(
    `select c.rid from ab_narrow c where c.key = 3 and c.code = hashtextextended('Patient/' || $1::int, 0)
and exists (select from ab_narrow t where t.rid = c.rid and t.key = 1 and t.code = hashtextextended('code' || $2::int, 0)) order by c.rid limit 51`,
    i % patients,
    i % 40,
  ),
);
await measure('patient and code, arrays + GIN', RUNS, (i) =>
  query(
    `select rid from ab_array where tokens @> array[hashtextextended('Patient/' || $1::int, 0), hashtextextended('code' || $2::int, 0)] order by rid limit 51`,
    i % patients,
    i % 40,
  ),
);
await measure('first page of what all have, narrow', 100, () =>
  query(`select rid from ab_narrow where key = 2 and code = hashtextextended('final', 0) order by rid limit 51`),
);
await measure('first page of what all have, arrays + GIN', 100, () =>
  query(`select rid from ab_array where tokens @> array[hashtextextended('final', 0)] order by rid limit 51`),
);
await measure('write of one, narrow', RUNS, (i) =>
  query(
    `insert into ab_narrow select n, hashtextextended('new' || n || $1::int, 0), 1, ${total} + $1::int from generate_series(1, 4) n`,
    i,
  ),
);
await measure('write of one, arrays + GIN', RUNS, (i) =>
  query(
    `insert into ab_array select ${total} + $1::int + ${RUNS}, array(select hashtextextended('new' || n || $1::int, 0) from generate_series(1, 4) n) on conflict do nothing`,
    i,
  ),
);
await measure('read, body in the head', RUNS, (i) => query('select version, body from ab_head where rid = $1', (i * 37) % total));
await measure('read, body in the history only', RUNS, (i) =>
  query('select p.version, h.body from ab_pointer p join ab_history h using (rid, version) where p.rid = $1', (i * 37) % total),
);
await measure('update, body in the head', RUNS, (i) =>
  query(
    `with old as (insert into ab_history select rid, version + 1000000 + $2::int, body from ab_head where rid = $1 returning 1)
update ab_head set version = version + 1, body = repeat(md5($2::text), 32) where rid = $1`,
    (i * 37) % total,
    i,
  ),
);
await measure('update, body in the history only', RUNS, (i) =>
  query(
    `with new as (update ab_pointer set version = version + 1 where rid = $1 returning rid, version)
insert into ab_history select rid, version + 2000000 + $2::int, repeat(md5($2::text), 32) from new`,
    (i * 37) % total,
    i,
  ),
);
await sql.end();
await database.drop();
await server.stop();
