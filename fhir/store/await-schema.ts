import { setTimeout as sleep } from 'node:timers/promises';
import { within } from './database-watch.ts';
import { migrations } from './migrate.ts';
import type { Db, Sql } from './pool.ts';

export interface AwaitSchemaOptions {
  readonly connect: () => Sql;
  /** Hears each new reason once. */
  readonly onWaiting: (reason: string) => void;
  readonly signal: AbortSignal;
  readonly everyMs?: number;
  readonly limitMs?: number;
}

const MISSING = new Set(['42P01', '3F000', '42501']);

const reasonOf = (error: unknown): string => {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return 'the database does not answer';
  if (MISSING.has(code)) return 'the database has no schema yet, or one older than this code: run node fhir/store/migrate.ts';
  return `the database can't be used yet: ${code}`;
};

/** Why this code can't work with the database yet; undefined when it can. A newer schema is fine: old pods go on during an upgrade. */
const reasonToWait = async (db: Db): Promise<string | undefined> => {
  const [row] = await db.unsafe<{ version: number | null }[]>('select max(version) as version from public.portcullis_migration');
  const needed = migrations().at(-1)!.version;
  const version = row?.version ?? 0;
  return version >= needed ? undefined : `the schema is at migration ${version}, this code needs ${needed}: run node fhir/store/migrate.ts`;
};

/** Resolves true when the database answers with a schema that this code can work with, false when `signal` aborts before. */
export const awaitSchema = async ({ connect, onWaiting, signal, everyMs = 1000, limitMs = 5000 }: AwaitSchemaOptions): Promise<boolean> => {
  for (let told: string | undefined; !signal.aborted;) {
    const sql = connect();
    const reason = await within(limitMs, reasonToWait(sql)).catch(reasonOf);
    await sql.end({ timeout: 0 }).catch(() => undefined);
    if (reason === undefined) return true;
    if (reason !== told) onWaiting(reason);
    told = reason;
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
  return false;
};
