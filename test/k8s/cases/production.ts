import { join } from 'node:path';
import { PROJECT } from '../../../local/toolchain.ts';
import type { Case, Context } from '../case.ts';
import { noStore } from '../support/backing.ts';
import { run, tryRun } from '../support/command.ts';
import { prepareProduction, type Production, RETENTION_DAYS } from '../support/production.ts';
import { secondsSince, until } from '../support/until.ts';

const WRITES = 25;
const DAY_MS = 86_400_000;

/** Kinds of operators: rendered where the cluster knows them, and nobody need act on them. */
const KINDS = {
  monitoring: 'servicemonitors.monitoring.coreos.com',
  certManager: 'certificates.cert-manager.io',
  cloudNativePg: 'clusters.postgresql.cnpg.io',
  barman: 'objectstores.barmancloud.cnpg.io',
} as const;

/** Every object of the bucket with its lock, and what comes of a try to remove one for good. */
const BUCKET = `
import { DeleteObjectCommand, HeadObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
const client = new S3Client({ endpoint: process.env.S3_ENDPOINT, forcePathStyle: true });
const Bucket = process.argv[1];
const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
const objects = [];
for (const { Key, VersionId } of Versions) {
  const { ObjectLockMode, ObjectLockRetainUntilDate } = await client.send(new HeadObjectCommand({ Bucket, Key, VersionId }));
  objects.push({ key: Key, version: VersionId, mode: ObjectLockMode, until: ObjectLockRetainUntilDate });
}
const locked = objects.find(({ mode }) => mode === 'COMPLIANCE');
const removal = locked && (await client.send(new DeleteObjectCommand({ Bucket, Key: locked.key, VersionId: locked.version })).then(() => 'removed', (error) => error.name));
console.log(JSON.stringify({ objects, removal }));
`;

interface Seen {
  readonly objects: readonly { readonly key: string; readonly mode?: string; readonly until?: string }[];
  readonly removal?: string;
}

const rendered = async ({ cluster, check, skip }: Context): Promise<void> => {
  const { name: space } = await cluster.namespace('rendered');
  for (const [file, kinds] of [
    ['production-cnpg.yaml', [KINDS.cloudNativePg, KINDS.barman]],
    ['production.yaml', [KINDS.certManager, KINDS.monitoring]],
  ] as const) {
    const missing = (await Promise.all(kinds.map(async (kind) => ((await cluster.hasKind(kind)) ? [] : [kind])))).flat();
    if (missing.length > 0) {
      skip(`ci/${file} before the API server`, `the cluster doesn't know ${missing.join(', ')}`);
      continue;
    }
    const chart = join(PROJECT, 'charts/portcullis');
    // Pods of helm test are left out: they want a ServiceAccount that a dry run doesn't make.
    const manifests = await run('helm', ['template', 'p', chart, '-n', space, '--skip-tests', '-f', join(chart, 'ci', file)]);
    const { code, stderr } = await tryRun('kubectl', ['apply', '--dry-run=server', '-n', space, '-f', '-'], { input: manifests });
    check(`the API server accepts all of ci/${file}`, code === 0, stderr);
  }
};

/** Writes, waits until they are sealed, and lets the auditor look. */
const trail = async ({ check, measured }: Context, { client, edge, backing, verifierKey }: Production): Promise<void> => {
  const patient = (i: number): object => ({ resourceType: 'Patient', identifier: [{ system: 'urn:production', value: String(i) }] });
  const requests = Array.from({ length: WRITES }, (_, i) => ({ method: 'POST', path: '/fhir/Patient', body: patient(i) }));
  const created = await client.ask(edge, 'ehr', requests);
  check(
    `${WRITES} creates through Envoy are answered with 201`,
    created.every(({ status }) => status === 201),
    created.map(({ status, error, body }) => `${status} ${error ?? body}`)[0],
  );
  const startedAt = performance.now();
  const verify = (more: readonly string[] = []): Promise<string> => {
    const script = `import { writeFileSync } from 'node:fs'; import { text } from 'node:stream/consumers'; writeFileSync('/tmp/public.key', await text(process.stdin));`;
    return backing
      .tool(['--input-type=module', '-e', script], `${verifierKey}\n`)
      .then(() =>
        backing.tool([
          'fhir/audit/cli.ts',
          'verify',
          '--bucket',
          `s3://${backing.bucket}/log`,
          '--key',
          '/tmp/public.key',
          '--no-memory',
          ...more,
        ]),
      );
  };
  const words = await until(`${WRITES} events are sealed and the log holds`, () => verify(['--expect-size', String(WRITES)]), {
    limitMs: 60_000,
  }).catch((error: Error) => error.message);
  check('the auditor, with bucket and public key alone, finds the log whole', !words.startsWith('not within'), words);
  measured('sealed and verified', `${secondsSince(startedAt)} s after the last of ${WRITES} writes: ${words.trim().split('\n').at(0)}`);

  const { objects, removal } = JSON.parse(await backing.tool(['--input-type=module', '-e', BUCKET, backing.bucket])) as Seen;
  const segments = objects.filter(({ key }) => /\/(?:seg|history)\//.test(key));
  const until30 = Date.now() + (RETENTION_DAYS - 1) * DAY_MS;
  const shown = objects.slice(0, 6);
  check(
    'each segment is locked in COMPLIANCE mode for the days that the values say',
    segments.length > 0 && segments.every(({ mode, until: end }) => mode === 'COMPLIANCE' && Date.parse(end ?? '') > until30),
    shown,
  );
  check('and can’t be removed', removal !== undefined && removal !== 'removed', removal);
};

export const production: Case = {
  name: 'production',
  title: 'with PostgreSQL over verified TLS, Valkey and an S3 store with Object Lock from outside; operators’ objects accepted',
  run: async (context) => {
    const { cluster, images, work, check, skip, measured } = context;
    const none = noStore();
    if (none !== undefined) return skip('the whole case', none);
    const startedAt = performance.now();
    const set = await prepareProduction(cluster, images, 'production', work);
    measured('outside parts up', `${secondsSince(startedAt)} s`);
    const { release } = set;
    const hasMonitoring = await cluster.hasKind(KINDS.monitoring);
    if (!hasMonitoring) skip('ServiceMonitor and PrometheusRule', `the cluster doesn't know ${KINDS.monitoring}`);
    const monitoring = {
      serviceMonitor: { enabled: hasMonitoring },
      prometheusRule: { enabled: hasMonitoring },
      dashboard: { enabled: true },
    };
    const installedAt = performance.now();
    await release.install(set.values({ monitoring }));
    await release.rolledOut();
    measured('helm install', `${secondsSince(installedAt)} s until everything is ready, migrations as a hook included`);
    const jobs = await release.space.kubectl(['get', 'jobs', '-o', 'name']);
    check('the hook of the migrations has gone when it had succeeded', jobs.trim() === '', jobs);
    await trail(context, set);
    const tests = await tryRun('helm', ['test', 'p', '-n', release.space.name, '--timeout', '120s']);
    check('helm test passes with a client of one’s own', tests.code === 0, `${tests.stdout}${tests.stderr}`.slice(-1500));
    await rendered(context);
    await release.uninstall();
    const ours =
      'deployments,pods,services,networkpolicies,serviceaccounts,poddisruptionbudgets,horizontalpodautoscalers,jobs,secrets,configmaps';
    const left = await until(
      'nothing of the release is left',
      async () =>
        (await release.space.kubectl(['get', ours, '-l', 'app.kubernetes.io/instance=p', '-o', 'name', '--ignore-not-found'])).trim() ===
          '' && 'nothing',
      { limitMs: 90_000 },
    ).catch((error: Error) => error.message);
    check('helm uninstall leaves nothing but what the operator had made', left === 'nothing', left);
    const secrets = (await release.space.kubectl(['get', 'secrets,configmaps', '-o', 'name'])).split('\n');
    check(
      'which is still there',
      ['secret/owner', 'secret/signing', 'configmap/policy'].every((name) => secrets.includes(name)),
      secrets,
    );
  },
};
