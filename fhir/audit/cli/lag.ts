import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createPool } from '../../store/pool.ts';
import { readBacklog, START } from '../event-feed.ts';
import { lastPlanned } from '../segment-plan.ts';
import { wholeNumber } from './auditor-files.ts';

const databaseUrl = (given: string | undefined): string => {
  const url = given ?? process.env['DATABASE_URL'];
  if (url !== undefined) return url;
  try {
    return (JSON.parse(readFileSync(join('.portcullis', 'state.json'), 'utf8')) as { databaseUrl: string }).databaseUrl;
  } catch (cause) {
    throw new Error('which database? Set DATABASE_URL or give --database URL', { cause });
  }
};

const age = (ms: number | null): string => (ms === null ? 'none' : `${(ms / 1000).toFixed(1)} s`);

/** How far sealing is behind the database; `--max SECONDS` makes more than that a failure. */
export const lag = async (args: string[]): Promise<boolean> => {
  const { values } = parseArgs({ args, options: { database: { type: 'string' }, max: { type: 'string' } } });
  const maxS = wholeNumber('max', values.max) ?? Infinity;
  const sql = createPool(databaseUrl(values.database), { max: 1, application: 'audit lag' });
  try {
    const [last] = (await lastPlanned(sql, 2)).filter(({ isSealed }) => isSealed);
    const { oldestMs, horizonMs, blockingPid } = await readBacklog(sql, last ?? START);
    console.log(`sealed events            ${last === undefined ? 0 : last.first + last.count}`);
    console.log(`oldest unsealed event    ${age(oldestMs)}`);
    console.log(`oldest open transaction  ${age(horizonMs)}${blockingPid === null ? '' : ` (backend ${blockingPid})`}`);
    return (oldestMs ?? 0) <= maxS * 1000;
  } finally {
    await sql.end({ timeout: 1 });
  }
};
