import type { Case } from '../case.ts';
import { IDLE, NODE, restrictedPod, startClientPod } from '../support/client-pod.ts';
import type { Manifest } from '../support/cluster.ts';
import { evaluationClient } from '../support/evaluation.ts';
import { imageName } from '../support/images.ts';
import { merged, releaseIn, testValues } from '../support/release.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Every port that a component listens on. */
const PORTS: Readonly<Record<string, readonly number[]>> = {
  envoy: [8443, 9902, 9903],
  gateway: [9000, 9001, 9002],
  fhir: [8080, 9001, 9002],
  relay: [9001, 9002],
  postgres: [5432],
  valkey: [6379],
};

/** Who may go where; everything else must be closed. `foreign` is a pod of another namespace, `stranger` one of this without labels. */
const OPEN = new Set([
  'envoy -> gateway:9000',
  'envoy -> fhir:8080',
  'gateway -> postgres:5432',
  'gateway -> valkey:6379',
  'fhir -> postgres:5432',
  'relay -> postgres:5432',
  'migrate -> postgres:5432',
  'test -> envoy:8443',
  'foreign -> envoy:8443',
  'stranger -> envoy:8443',
]);

const SCRIPT = readFileSync(join(import.meta.dirname, '../pods/reach.mjs'), 'utf8');

interface Source {
  readonly name: string;
  readonly pod: string;
  readonly container: string;
  readonly ip: string;
}

interface Target {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export const network: Case = {
  name: 'network',
  title: 'who reaches whom: every component to every port, strangers, the API server, the metadata address',
  run: async ({ cluster, images, check, skip, measured }) => {
    const space = await cluster.namespace('network');
    const release = releaseIn(space);
    await release.install(merged(testValues(images.tag), { gateway: { replicas: 2 }, fhir: { replicas: 2 } }));
    await release.rolledOut();
    const outside = await cluster.namespace('foreign');
    const foreign = await startClientPod(outside, images.tag, { ehr: await evaluationClient(release) });
    // Pods that stand for those that run only for a moment, and for one that isn't of the release.
    const labels = (component: string): Record<string, string> => ({
      'app.kubernetes.io/name': 'portcullis',
      'app.kubernetes.io/instance': 'p',
      'app.kubernetes.io/component': component,
    });
    const image = `${imageName('fhir')}:${images.tag}`;
    await space.apply(
      restrictedPod({ name: 'as-migrate', image, command: IDLE, labels: labels('migrate') }),
      restrictedPod({ name: 'as-test', image, command: IDLE, labels: labels('test') }),
      restrictedPod({ name: 'stranger', image, command: IDLE }),
    );
    await space.kubectl(['wait', '--for=condition=Ready', 'pod/as-migrate', 'pod/as-test', 'pod/stranger', '--timeout=60s']);
    await sleep(2000); // policies reach a new pod a moment after its address

    const pods = Object.fromEntries(
      await Promise.all(Object.keys(PORTS).map(async (component) => [component, await release.pods(component)] as const)),
    );
    const ipOf = async (name: string): Promise<string> => ((await space.get('pod', name)) as Manifest).status.podIP as string;
    const sources: Source[] = [
      ...Object.entries(pods).map(([name, [first]]) => ({ name, pod: first!.name, container: name, ip: first!.ip })),
      ...(await Promise.all(
        (['migrate', 'test'] as const).map(async (name) => ({ name, pod: `as-${name}`, container: 'main', ip: await ipOf(`as-${name}`) })),
      )),
      { name: 'stranger', pod: 'stranger', container: 'main', ip: await ipOf('stranger') },
    ];
    const targetsFor = ({ ip }: Source): Target[] =>
      Object.entries(PORTS).flatMap(([component, ports]) => {
        // The last one, so that two pods of one component ask each other; a pod always reaches itself.
        const target = pods[component]!.findLast((pod) => pod.ip !== ip);
        return target === undefined ? [] : ports.map((port) => ({ name: `${component}:${port}`, host: target.ip, port }));
      });
    const api =
      ((await cluster.nodes()).length > 0 &&
        (await space.kubectl(['get', 'service', 'kubernetes', '-n', 'default', '-o', 'jsonpath={.spec.clusterIP}'])).trim()) ||
      '';
    const forbidden: Target[] = [
      { name: 'API server', host: api, port: 443 },
      { name: 'metadata address', host: '169.254.169.254', port: 80 },
      { name: 'a pod of another namespace', host: ((await outside.get('pod', 'client')) as Manifest).status.podIP as string, port: 22_222 },
    ];

    const seen: Record<string, string> = {};
    const ask = async (source: Source, run: (args: readonly string[]) => Promise<string>): Promise<void> => {
      const isOurs = source.name !== 'foreign' && source.name !== 'stranger';
      const targets = [...targetsFor(source), ...(isOurs ? forbidden : [])];
      const found = JSON.parse(await run(['--input-type=module', '-e', SCRIPT, JSON.stringify(targets)])) as Record<string, string>;
      for (const [target, state] of Object.entries(found)) seen[`${source.name} -> ${target}`] = state;
    };
    // One after the other: with two cores a connection that is only slow would count as closed.
    for (const source of sources) await ask(source, (args) => space.exec(source.pod, source.container, [NODE, ...args]));
    await ask({ name: 'foreign', pod: 'client', container: 'main', ip: '' }, foreign.node);

    const wrong = Object.entries(seen).filter(([edge, state]) => (state === 'open') !== OPEN.has(edge) || state === 'refused');
    const open = Object.values(seen).filter((state) => state === 'open').length;
    measured('edges tried', `${Object.keys(seen).length}: ${open} open, ${Object.keys(seen).length - open} closed`);
    check(
      'every edge that must be open is open',
      [...OPEN].every((edge) => seen[edge] === 'open'),
      wrong,
    );
    check(
      'every other edge is closed',
      wrong.every(([edge]) => OPEN.has(edge)),
      wrong,
    );
    check(
      'pods of one component don’t reach each other',
      seen['gateway -> gateway:9000'] === 'closed' && seen['fhir -> fhir:8080'] === 'closed',
      seen,
    );

    const control = JSON.parse(await foreign.node(['--input-type=module', '-e', SCRIPT, JSON.stringify(forbidden)])) as Record<
      string,
      string
    >;
    check('the API server, which a pod without policies reaches, is closed to each of ours', control['API server'] === 'open', control);
    if (control['metadata address'] === 'closed')
      skip('that it is the policy which closes 169.254.169.254', 'nothing answers there on this cluster, with or without policies');

    const named = await foreign.ask({ host: `${release.object('envoy')}.${space.name}`, port: 443, servername: 'localhost' }, 'ehr', [
      { path: '/fhir/Patient?_count=1' },
    ]);
    check('a client of another namespace is answered through the Service', named[0]?.status === 200, named);
  },
};
