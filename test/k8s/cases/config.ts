import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../../local/toolchain.ts';
import { findProgram } from '../../support/helm.ts';
import type { Case, Context } from '../case.ts';
import { type ClientPod, type Edge, startClientPod } from '../support/client-pod.ts';
import type { Manifest } from '../support/cluster.ts';
import { type Arrival, arrivalOf, configHealth } from '../support/config-watch.ts';
import { evaluationClient } from '../support/evaluation.ts';
import { startLoad } from '../support/load.ts';
import { merged, type Release, releaseIn, testValues, type Values } from '../support/release.ts';

const WITHIN_MS = 10_000;
const CLIENTS = readFileSync(join(PROJECT, 'charts/portcullis/files/clients.yaml'), 'utf8');
const quotasWith = (limit: number | string): string => `quotas:
  - { name: trusted, tier: trusted, limit: 10000000, per: minute }
  - { name: helm-test-${limit}, tier: helm-test, limit: ${limit}, per: minute }
`;

const slowest = (arrivals: readonly Arrival[], which: 'fileMs' | 'policyMs'): number => Math.max(...arrivals.map((each) => each[which]));

const patch = (release: Release, object: string, file: string, text: string): Promise<string> =>
  release.space.kubectl(['patch', 'configmap', object, '--type', 'merge', '-p', JSON.stringify({ data: { [file]: text } })]);

/** How many of `count` requests in a row of the client with the small quota are answered with which status. */
const statuses = async (pod: ClientPod, edge: Edge, count: number): Promise<Readonly<Record<number, number>>> => {
  const answers = await pod.ask(
    edge,
    'tester',
    Array.from({ length: count }, () => ({ path: '/fhir/Patient?_count=1' })),
  );
  const seen: Record<number, number> = {};
  for (const { status } of answers) seen[status] = (seen[status] ?? 0) + 1;
  return seen;
};

const textIn = async (release: Release, object: string, file: string): Promise<string> =>
  ((await release.space.get('configmap', object)) as Manifest).data[file] as string;

/** An operator's edit outlives the upgrades of both Helms. */
const upgrades = async ({ check, skip }: Context, release: Release, values: Values, object: string): Promise<void> => {
  const edited = await textIn(release, object, 'quotas.yaml');
  for (const helm of ['helm', 'helm3']) {
    if (findProgram(helm) === undefined) {
      skip(`an upgrade by ${helm}`, `there is no ${helm} on PATH`);
      continue;
    }
    const { code, stderr } = await release.upgrade(values, { helm });
    check(`${helm} upgrade after an operator's edit of ${object} doesn't fail`, code === 0, stderr);
    check(`${helm} upgrade leaves the edit of ${object} as it is`, (await textIn(release, object, 'quotas.yaml')) === edited);
  }
};

export const config: Case = {
  name: 'config',
  title: 'clients and quotas edited live under load; a bad edit; existingConfigMap; upgrades after an edit',
  run: async (context) => {
    const { cluster, images, check, measured } = context;
    const release = releaseIn(await cluster.namespace('config'));
    const values = merged(testValues(images.tag), { gateway: { replicas: 2 } });
    await release.install(values);
    await release.rolledOut();
    const outside = await cluster.namespace('config-client');
    const pod = await startClientPod(outside, images.tag, {
      ehr: await evaluationClient(release),
      tester: await evaluationClient(release, 'helm-test'),
    });
    const edge = { host: `${release.object('envoy')}.${release.space.name}`, port: 443, servername: 'localhost' };
    const pods = async (): Promise<string> =>
      (await release.pods('gateway'))
        .map(({ uid, restarts }) => `${uid} ${restarts}`)
        .sort()
        .join();
    const before = await pods();
    const [clientsMap, quotasMap] = [release.object('clients'), release.object('quotas')];

    const load = startLoad({ pod, edge, client: 'ehr', perSecond: 50, callers: 4, run: 'config' });
    const seen: string[] = [];
    const edit = async (what: string, file: string, marker: string, make: () => Promise<unknown>): Promise<void> => {
      const arrivals = await arrivalOf(release, { file, marker, make });
      const own = slowest(arrivals, 'policyMs');
      seen.push(`${what}: kubelet ${(slowest(arrivals, 'fileMs') / 1000).toFixed(1)} s, gateway ${(own / 1000).toFixed(2)} s later`);
      check(
        `${what} is taken up by every gateway within ${WITHIN_MS / 1000} s of the kubelet's update`,
        own <= WITHIN_MS && arrivals.length === 2,
        arrivals,
      );
    };

    await load.enter('edits');
    await edit('a smaller quota', 'quotas.yaml', 'helm-test-6', () => patch(release, quotasMap, 'quotas.yaml', quotasWith(6)));
    const limited = await statuses(pod, edge, 12);
    check('and enforced: six answers, then 429, counted once over both gateways', limited[200] === 6 && limited[429] === 6, limited);

    await edit('a bad edit', 'quotas.yaml', 'helm-test-many', () => patch(release, quotasMap, 'quotas.yaml', quotasWith('many')));
    const refused = await configHealth(release);
    check(
      'a bad edit is in the health of every gateway, with its reason',
      refused.every(({ status, refused: why }) => status === 'degraded' && why.join().includes('quotas.yaml')),
      refused,
    );
    check(
      'and in the metric gateway_config_current',
      refused.every(({ current }) => current === '0'),
      refused,
    );
    const stillLimited = await statuses(pod, edge, 3);
    check('the last good one stays in force', stillLimited[429] === 3, stillLimited);

    await edit('a larger quota', 'quotas.yaml', 'helm-test-1000', () => patch(release, quotasMap, 'quotas.yaml', quotasWith(1000)));
    const mended = await configHealth(release);
    check(
      'a good edit mends it',
      mended.every(({ status, current }) => status === 'ok' && current === '1'),
      mended,
    );
    await edit('a client revoked', 'clients.yaml', 'revoked', () =>
      patch(
        release,
        clientsMap,
        'clients.yaml',
        CLIENTS.replace('    scopes: [system/*.rs]', '    status: revoked\n    scopes: [system/*.rs]'),
      ),
    );
    const gone = await statuses(pod, edge, 4);
    check('a client that is revoked in clients.yaml is refused', (gone[403] ?? 0) + (gone[401] ?? 0) === 4, gone);
    await load.enter('after');
    const { phases } = await load.stop();
    const phase = phases.find(({ name }) => name === 'edits')!;
    for (const line of seen) measured('edit', line);
    measured('load during the edits', `${phase.sent} requests in ${phase.seconds.toFixed(0)} s, ${phase.failed} failed`);
    check('no request failed during the edits', phase.failed === 0 && phase.sent > 100, phase.failures);
    check('no gateway was restarted', (await pods()) === before, await pods());

    await upgrades(context, release, values, quotasMap);

    const own = 'my-policy';
    await release.space.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: own },
      data: { 'clients.yaml': CLIENTS, 'quotas.yaml': quotasWith(50) },
    });
    const withOwn = merged(values, { clients: { existingConfigMap: own }, quotas: { existingConfigMap: own } });
    const { code, stderr } = await release.upgrade(withOwn);
    check('an upgrade to a ConfigMap of one’s own succeeds', code === 0, stderr);
    await release.rolledOut(['gateway']);
    const arrivals = await arrivalOf(release, {
      file: 'quotas.yaml',
      marker: 'helm-test-3',
      make: () => patch(release, own, 'quotas.yaml', quotasWith(3)),
    });
    check('an edit of a ConfigMap of one’s own is taken up too', slowest(arrivals, 'policyMs') <= WITHIN_MS, arrivals);
    const few = await statuses(pod, edge, 5);
    check('and enforced', few[200] === 3 && few[429] === 2, few);
    await upgrades(context, release, withOwn, own);
  },
};
