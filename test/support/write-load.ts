/** Writes under faults: which were acknowledged, and whether each is stored with exactly one event. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type postgres from 'postgres';
import * as assert from 'uvu/assert';
import { readBucket } from '../../fhir/audit/open-bucket.ts';
import { parseVerifierKey } from '../../fhir/audit/signing-key.ts';
import { verifyLog } from '../../fhir/audit/verify/verify-log.ts';
import { readEnv } from '../../proto/process/env.ts';
import { type Answer, eventually } from './stack.ts';

export interface Acknowledged {
  readonly id: string;
}

/** Writes from four callers while `work` goes on, and until ten more are acknowledged; returns all that were. */
export const underLoad = async (
  create: (resource: object) => Promise<Answer>,
  work: () => Promise<void>,
  { goesOn = true }: { readonly goesOn?: boolean } = {},
): Promise<readonly Acknowledged[]> => {
  const acknowledged: Acknowledged[] = [];
  const done = new AbortController();
  const caller = async (n: number): Promise<void> => {
    for (let i = 0; !done.signal.aborted; i++) {
      try {
        const answer = await create({ resourceType: 'Basic', code: { text: `${n} ${i}` } });
        if (answer.status === 201) acknowledged.push({ id: answer.json.id });
        else await new Promise((resolve) => setTimeout(resolve, 20));
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20)); // the connection went down with a process
      }
    }
  };
  const callers = Array.from({ length: 4 }, (_, n) => caller(n));
  try {
    await eventually('load', () => acknowledged.length > 20);
    await work();
    const before = acknowledged.length;
    if (goesOn) await eventually('load again', () => acknowledged.length > before + 10);
  } finally {
    done.abort();
    await Promise.all(callers);
  }
  return acknowledged;
};

export const requireExactlyOneEventEach = async (sql: postgres.Sql, writes: readonly Acknowledged[]): Promise<void> => {
  const stored = new Set((await sql`select id from fhir.resource where body is not null`).map(({ id }) => id as string));
  const events = new Map<string, number>();
  for (const { resource } of await sql`select body::jsonb->>'resource' as resource from audit.event
    where body::jsonb->>'kind' = 'write' and (body::jsonb->>'status')::int < 300`) {
    events.set(resource as string, (events.get(resource as string) ?? 0) + 1);
  }
  assert.equal(
    writes.filter(({ id }) => !stored.has(id)),
    [],
    'acknowledged and not stored',
  );
  assert.equal(
    [...stored].filter((id) => events.get(`Basic/${id}`) !== 1),
    [],
    'stored without exactly one event',
  );
};

/** Waits until everything is sealed, and verifies the log with nothing but the bucket and the key in the folder `audit`. */
export const requireSealed = async (sql: postgres.Sql, audit: string): Promise<void> => {
  let events = 0;
  await eventually('sealed', async () => {
    const [row] = await sql`select (select count(*)::int from audit.event) as events,
      (select coalesce(sum(count), 0)::int from audit.segment join audit.sealed using (first_index)) as sealed`;
    events = row!['events'] as number;
    return events === row!['sealed'];
  });
  const key = parseVerifierKey(readFileSync(join(audit, 'public.key'), 'utf8'));
  const verification = await verifyLog({ bucket: await readBucket(join(audit, 'bucket'), readEnv()), key });
  assert.equal(verification.problems, []);
  assert.is(verification.events, events);
};
