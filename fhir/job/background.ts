import { interact } from '../interaction/interaction.ts';
import type { Server } from '../server.ts';
import { startNoticing } from '../search-parameter/notice.ts';
import { type SubscriptionOptions, startSubscriptions } from '../subscription/worker.ts';
import { createPool } from '../store/pool.ts';
import { createWriteLane } from '../store/write-lane.ts';
import { exportKind } from './export/export-kind.ts';
import { createContainedKind } from './contained/contained-kind.ts';
import { createReindexKind, type ReindexOptions } from './reindex/reindex-kind.ts';
import { importKind } from './import/import-kind.ts';
import { createAsyncKind } from './respond-async.ts';
import { type RunnerOptions, startRunner } from './runner.ts';

export interface BackgroundOptions extends Pick<RunnerOptions, 'keepMs' | 'leaseMs' | 'onFault'> {
  readonly server: Server;
  /** Whose connections are sessions: the lead among several workers is held by one. */
  readonly databaseUrl: string;
  /** Hears of each SearchParameter that can be searched by from then on. */
  readonly onIndexed?: ReindexOptions['onIndexed'];
  readonly subscriptions: Pick<SubscriptionOptions, 'isAllowed' | 'maxAttempts'>;
}

/** Two work on jobs, one keeps leases, two find and tell subscribers, one looks for SearchParameters; as many at most in transactions. */
const CONNECTIONS = 6;
/** What nobody waits for may take longer than a request. */
const STATEMENT_TIMEOUT_MS = 600_000;

export interface Background {
  /** Takes no longer than what can't be left halfway, and `patienceMs` for notifications under way. */
  readonly close: (patienceMs: number) => Promise<void>;
}

/** Everything that goes on without a request, over connections of its own, so that no request waits for it. */
export const startBackground = ({
  server,
  databaseUrl,
  subscriptions,
  onIndexed = () => undefined,
  ...options
}: BackgroundOptions): Background => {
  const sql = createPool(databaseUrl, { max: CONNECTIONS, application: 'fhir background', statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const lane = createWriteLane(sql, { lanes: 1 });
  const runner = startRunner({
    server: { ...server, db: sql, sql, lane },
    kinds: {
      export: exportKind(server.jobs.exportBucket),
      async: createAsyncKind(interact),
      import: importKind(server.jobs),
      reindex: createReindexKind({ onIndexed }),
      contained: createContainedKind(),
    },
    ...options,
  });
  const notifying = startSubscriptions({ server: { ...server, db: sql, sql, lane }, ...subscriptions, onFault: options.onFault });
  const noticing = startNoticing({ ...server, db: sql, sql }, { onFault: (error) => options.onFault({ job: 'search parameters', error }) });
  return {
    close: async (patienceMs) => {
      await Promise.all([runner.close(), notifying.close(patienceMs), noticing.close()]);
      await lane.drain();
      await sql.end({ timeout: 1 });
    },
  };
};
