import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * begun: the file was sent and its answer isn't known yet; after a crash the server has to be asked whether it was stored.
 * stored: the server acknowledged every entry of it.
 */
export type LoadStatus = 'begun' | 'stored';

/** Which file is how far, by the content's hash, for one FHIR base URL. */
export interface Journal {
  statusOf(sha256: string): LoadStatus | undefined;
  record(sha256: string, status: LoadStatus, file: string): void;
}

const linesOf = (path: string): string[] => {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

/** Opens the journal, an append-only file of JSON lines; a line torn by a crash is passed over. */
export const openJournal = (path: string, base: string): Journal => {
  const statuses = new Map<string, LoadStatus>();
  for (const line of linesOf(path)) {
    try {
      const entry = JSON.parse(line) as { base: string; sha256: string; status: LoadStatus };
      if (entry.base === base) statuses.set(entry.sha256, entry.status);
    } catch {
      continue;
    }
  }
  mkdirSync(dirname(path), { recursive: true });
  return {
    statusOf: (sha256) => statuses.get(sha256),
    record(sha256, status, file) {
      statuses.set(sha256, status);
      // A line break first: after a torn line the new one is whole all the same.
      appendFileSync(path, `\n${JSON.stringify({ base, sha256, status, file, at: new Date().toISOString() })}`, { mode: 0o600 });
    },
  };
};
