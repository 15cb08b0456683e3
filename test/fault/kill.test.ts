import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import postgres from 'postgres';
import { readBucket } from '../../fhir/audit/bucket.ts';
import { parseVerifierKey } from '../../fhir/audit/signing-key.ts';
import { verifyLog } from '../../fhir/audit/verify/verify-log.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let sql: postgres.Sql;
test.before(async () => {
  stack = await startStack();
  sql = postgres(stack.system.state.databaseUrl, { max: 1 });
});
test.after(async () => {
  await sql.end();
  await stack.stop();
});

interface Acknowledged {
  readonly id: string;
}

/** Writes from several callers while `work` goes on; returns the writes that were acknowledged. */
const underLoad = async (work: (acknowledged: readonly Acknowledged[]) => Promise<void>): Promise<readonly Acknowledged[]> => {
  const acknowledged: Acknowledged[] = [];
  const done = new AbortController();
  const caller = async (n: number): Promise<void> => {
    for (let i = 0; !done.signal.aborted; i++) {
      try {
        const body = { resourceType: 'Basic', code: { text: `${n} ${i}` } };
        const answer = await stack.request('/Basic', { body });
        if (answer.status === 201) acknowledged.push({ id: answer.json.id });
        else await new Promise((resolve) => setTimeout(resolve, 20));
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20)); // the connection went down with a process
      }
    }
  };
  const callers = Array.from({ length: 4 }, (_, n) => caller(n));
  try {
    await eventually('load', () => acknowledged.length > 10);
    await work(acknowledged);
    const before = acknowledged.length;
    await eventually('load again', () => acknowledged.length > before + 10);
  } finally {
    done.abort();
    await Promise.all(callers);
  }
  return acknowledged;
};

const requireExactlyOneEventEach = async (writes: readonly { id: string }[]): Promise<void> => {
  const stored = new Set((await sql`select id from fhir.resource where body is not null`).map(({ id }) => id as string));
  const events = new Map<string, number>();
  for (const {
    resource,
  } of await sql`select body::jsonb->>'resource' as resource from audit.event where body::jsonb->>'kind' = 'write' and (body::jsonb->>'status')::int < 300`) {
    events.set(resource as string, (events.get(resource as string) ?? 0) + 1);
  }
  assert.ok(writes.length > 20, `only ${writes.length} writes`);
  assert.equal(
    writes.filter(({ id }) => !stored.has(id)),
    [],
    'acknowledged and not stored',
  );
  assert.equal(
    writes.filter(({ id }) => events.get(`Basic/${id}`) !== 1),
    [],
    'acknowledged without exactly one event',
  );
  assert.equal(
    [...stored].filter((id) => events.get(`Basic/${id}`) !== 1),
    [],
    'stored without exactly one event',
  );
};

for (const name of ['fhir', 'gateway', 'envoy', 'relay'] as const) {
  test(`kill -9 of ${name} under load loses no acknowledged write and no event`, async () => {
    const acknowledged = await underLoad(async () => {
      stack.system.parts.get(name)!.kill('SIGKILL');
      await stack.system.restart(name);
    });
    await requireExactlyOneEventEach(acknowledged);
  });
}

test('killing database sessions under load loses no acknowledged write and no event', async () => {
  const acknowledged = await underLoad(async () => {
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'fhir%' and datname = current_database()`;
    }
  });
  await requireExactlyOneEventEach(acknowledged);
});

test('everything that happened is sealed once, in order, and the log verifies', async () => {
  const counts = async (): Promise<{ events: number; sealed: number }> => {
    const [row] = await sql`select (select count(*)::int from audit.event) as events,
      (select coalesce(sum(count), 0)::int from audit.segment join audit.sealed using (first_index)) as sealed`;
    return row as unknown as { events: number; sealed: number };
  };
  await eventually('sealed', async () => {
    const { events, sealed } = await counts();
    return events === sealed;
  });
  const { audit } = stack.system.state;
  const key = parseVerifierKey(readFileSync(join(audit, 'public.key'), 'utf8'));
  const verification = verifyLog({ bucket: readBucket(join(audit, 'bucket')), key });
  assert.equal(verification.problems, []);
  assert.is(verification.events, (await counts()).events);
});

test.run();
