/** The audit relay as a process of its own on a test database, with a key and a bucket in a temporary folder, or a bucket in an S3 store. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBucket } from '../../fhir/audit/open-bucket.ts';
import { createSigningKey, parseVerifierKey } from '../../fhir/audit/signing-key.ts';
import { type Verification, verifyLog } from '../../fhir/audit/verify/verify-log.ts';
import { createGuardian } from '../../local/guardian.ts';
import { type RunningProcess, startProcess, tailOf, waitUntil } from '../../local/processes.ts';
import { PROJECT } from '../../local/toolchain.ts';
import { readEnv } from '../../proto/process/env.ts';
import type { TestDatabase } from './postgres.ts';

export interface RelayFolder {
  readonly dir: string;
  /** A folder, or s3://. */
  readonly bucket: string;
  readonly verifierKey: string;
  /** Starts a relay; resolves when it leads, or with `isStandby` when it runs. */
  readonly start: (options?: {
    readonly fault?: string;
    readonly isStandby?: boolean;
    readonly env?: Readonly<Record<string, string>>;
  }) => Promise<RunningProcess>;
  readonly log: () => string;
  readonly verify: () => Promise<Verification>;
  readonly remove: () => void;
}

export interface RelayStore {
  readonly bucket: string;
  readonly env: Readonly<Record<string, string>>;
}

export const relayFolder = (database: TestDatabase, store?: RelayStore): RelayFolder => {
  const dir = mkdtempSync(join(tmpdir(), 'portcullis-relay-'));
  const bucket = store?.bucket ?? join(dir, 'bucket');
  const { privatePem, verifierKey } = createSigningKey('test.example/audit');
  writeFileSync(join(dir, 'signing.key'), privatePem, { mode: 0o600 });
  writeFileSync(join(dir, 'public.key'), `${verifierKey}\n`);
  const log = join(dir, 'relay.log');
  const guardian = createGuardian();
  return {
    dir,
    bucket,
    verifierKey,
    start: async ({ fault, isStandby = false, env } = {}) => {
      const running = await startProcess({
        name: 'audit relay',
        command: process.execPath,
        args: ['fhir/audit/main.ts'],
        cwd: PROJECT,
        log,
        guardian,
        env: {
          PATH: process.env['PATH'] ?? '',
          DATABASE_URL: database.relayUrl,
          AUDIT_BUCKET: bucket,
          AUDIT_SIGNING_KEY: join(dir, 'signing.key'),
          AUDIT_HEARTBEAT_MS: '500',
          ...store?.env,
          ...env,
          ...(fault !== undefined && { AUDIT_FAULT: fault }),
        },
      });
      const wanted = isStandby ? '"msg":"ready"' : '"msg":"leading"';
      await waitUntil(running, () => running.tail(200).includes(wanted));
      return running;
    },
    log: () => tailOf(log, 500),
    verify: async () => verifyLog({ bucket: await readBucket(bucket, readEnv(store?.env)), key: parseVerifierKey(verifierKey) }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
};
