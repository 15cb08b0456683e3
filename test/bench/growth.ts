/** What of a running system could grow without end: memory and open files of its processes, and what lies in its database. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Sql } from '../../fhir/store/pool.ts';
import { usageOf } from './usage.ts';

export interface Sample {
  readonly minutes: number;
  /** By process: resident MB with all below it, the highest so far of the process alone, open files. */
  readonly parts: Readonly<Record<string, { readonly mb: number; readonly peakMb: number; readonly files: number }>>;
  readonly connections: number;
  /** Events that are in no sealed segment yet. */
  readonly unsealed: number;
}

/** The most that a process has had resident so far. */
export const peakMbOf = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN) / 1024;

const STATE = `select (select count(*) from pg_stat_activity where datname = current_database())::int as connections,
  ((select count(*) from audit.event) - (select coalesce(max(first_index + count), 0) from audit.segment))::int as unsealed`;

export const sampleOf = async (pids: Readonly<Record<string, number>>, sql: Sql, minutes: number): Promise<Sample> => {
  const usage = usageOf(pids);
  const [row] = await sql.unsafe<{ connections: number; unsealed: number }[]>(STATE);
  const parts = Object.entries(pids).map(([name, pid]) => [
    name,
    { mb: Math.round(usage[name]!.pssMb), peakMb: Math.round(peakMbOf(pid)), files: readdirSync(`/proc/${pid}/fd`).length },
  ]);
  return { minutes, parts: Object.fromEntries(parts) as Sample['parts'], ...row! };
};

/** One line of text for each part, with what it had after a third of the time beside what it has in the end: before that caches fill. */
export const growthText = (samples: readonly Sample[]): string => {
  const last = samples.at(-1)!;
  const early = samples[Math.floor(samples.length / 3)]!;
  const lines = Object.entries(last.parts).map(([name, { mb, peakMb, files }]) => {
    const before = early.parts[name]!;
    return `${name.padEnd(9)} ${before.mb} → ${mb} MB (the process itself at most ${peakMb}), ${before.files} → ${files} open files`;
  });
  return `After ${early.minutes} and ${last.minutes} minutes:
${lines.join('\n')}
database  ${early.connections} → ${last.connections} connections, ${early.unsealed} → ${last.unsealed} events not sealed yet
`;
};
