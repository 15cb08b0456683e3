import type { Case } from '../case.ts';
import { noStore } from '../support/backing.ts';
import { NODE } from '../support/client-pod.ts';
import type { Manifest } from '../support/cluster.ts';
import { prepareProduction, quotasFile } from '../support/production.ts';
import { type Component, COMPONENTS, type Pod, type Release, settled } from '../support/release.ts';
import { secondsSince, until } from '../support/until.ts';

const REPLICAS = 3;
const CLIENTS = 16;
const LIMIT = 24;

/** The relays that say that they lead. */
const leaders = async (release: Release): Promise<readonly Pod[]> => {
  const script = `fetch('http://127.0.0.1:9002/metrics').then((r) => r.text()).then((t) => console.log(/^audit_relay_leading (\\S+)/m.exec(t)?.[1]))`;
  const pods = (await release.pods('relay')).filter(({ isReady }) => isReady);
  const says = await Promise.all(pods.map(({ name }) => release.space.exec(name, 'relay', [NODE, '-e', script])));
  return pods.filter((_, i) => says[i]!.trim() === '1');
};

/** What gateways said of Redis: one that is late is done without for a moment, and each then counts for itself. */
const redisWords = async (release: Release): Promise<readonly string[]> => {
  const logs = await Promise.all((await release.pods('gateway')).map(({ name }) => release.space.kubectl(['logs', name])));
  return logs.flatMap((log) => log.split('\n').filter((line) => line.includes('redis')));
};

export const scaling: Case = {
  name: 'scaling',
  title: 'three of each behave as one: a quota, a conditional create, a leading relay; autoscalers and budgets',
  run: async ({ cluster, images, work, check, skip, measured }) => {
    const none = noStore();
    if (none !== undefined) return skip('the whole case', none);
    const set = await prepareProduction(cluster, images, 'scaling', work);
    const { release, client, edge } = set;
    const policy = JSON.stringify({ data: { 'quotas.yaml': quotasFile(LIMIT) } });
    await release.space.kubectl(['patch', 'configmap', 'policy', '--type', 'merge', '-p', policy]);
    const hpa = { replicas: null, hpa: { enabled: true, minReplicas: REPLICAS } };
    await release.install(set.values({ envoy: hpa, gateway: hpa, fhir: hpa, relay: { replicas: REPLICAS } }));
    const startedAt = performance.now();
    for (const component of COMPONENTS) await settled(release, component, REPLICAS, 240_000);
    measured('three of each', `ready after ${secondsSince(startedAt)} s, brought there by the autoscalers (relay by its replicas)`);
    const scalers = (await release.space.get('hpa')) as readonly Manifest[];
    check(
      'autoscalers of envoy, gateway and fhir are accepted and hold three',
      scalers.length === 3 && scalers.every(({ status }) => status.desiredReplicas >= REPLICAS),
      scalers.map(({ metadata, status }) => [metadata.name, status]),
    );
    const budgets = (await release.space.get('pdb')) as readonly Manifest[];
    check(
      'budgets let one pod of each go',
      budgets.length === 4 && budgets.every(({ status }) => status.disruptionsAllowed === 1),
      budgets.map(({ metadata, status }) => [metadata.name, status]),
    );
    const spread = async (component: Component): Promise<Manifest> =>
      ((await release.space.get('deployment', release.object(component))) as Manifest).spec.template.spec.topologySpreadConstraints;
    const rules = (await Promise.all(COMPONENTS.map(spread))).flat();
    check(
      'the spread over zones never keeps a pod from being placed',
      rules.length === 8 && rules.every(({ whenUnsatisfiable }: Manifest) => whenUnsatisfiable === 'ScheduleAnyway'),
      rules,
    );

    // New connections each time, so that every Envoy and every gateway is asked; first by somebody else, until all are warm.
    const often = (count: number): readonly { readonly path: string }[] =>
      Array.from({ length: count }, () => ({ path: '/fhir/Patient?_count=1' }));
    await client.ask(edge, 'ehr', often(60), { lanes: 3, isKeeping: false });
    const asked = performance.now();
    const answers = await client.ask(edge, 'tester', often(3 * LIMIT), { lanes: 4, isKeeping: false });
    const elapsed = (performance.now() - asked) / 1000;
    const served = answers.filter(({ status }) => status === 200).length;
    const refused = answers.filter(({ status }) => status === 429).length;
    measured(
      'one quota',
      `${served} of ${answers.length} requests by new connections answered where ${LIMIT} a minute are allowed, ${refused} refused with 429`,
    );
    check(
      'a quota is one quota over three gateways',
      served >= LIMIT && served <= LIMIT + Math.ceil((elapsed * LIMIT) / 60) && served + refused === answers.length,
      { served, refused, elapsed, said: await redisWords(release) },
    );

    const headers = { 'if-none-exist': 'identifier=urn:scaling|one' };
    const body = { resourceType: 'Patient', identifier: [{ system: 'urn:scaling', value: 'one' }] };
    const creates = await client.ask(
      edge,
      'ehr',
      Array.from({ length: CLIENTS }, () => ({ method: 'POST', path: '/fhir/Patient', headers, body })),
      { lanes: CLIENTS },
    );
    const made = creates.filter(({ status }) => status === 201).length;
    const [found] = await client.ask(edge, 'ehr', [{ path: '/fhir/Patient?identifier=urn:scaling|one&_total=accurate' }]);
    const total = (JSON.parse(found!.body ?? '{}') as { total?: number }).total;
    check(
      `${CLIENTS} conditional creates at once on one identifier make one resource`,
      made === 1 && total === 1 && creates.every(({ status }) => status === 201 || status === 200),
      { total, statuses: creates.map(({ status, body: text }) => (status < 300 ? status : `${status} ${text}`)) },
    );

    const [first, ...others] = await until('one relay leads', async () =>
      (await leaders(release)).length > 0 ? leaders(release) : undefined,
    );
    check('one of three relays leads', others.length === 0, others);
    const killedAt = performance.now();
    await release.space.kubectl(['delete', 'pod', first!.name, '--force', '--grace-period=0']);
    const next = await until('another relay leads', async () => (await leaders(release)).find(({ uid }) => uid !== first!.uid), {
      limitMs: 60_000,
      everyMs: 200,
    });
    measured(
      'the leading relay is killed',
      `${next.name === first!.name ? 'the same' : 'another'} leads ${secondsSince(killedAt)} s later`,
    );
    check('and there is one leader again', (await leaders(release)).length === 1);
  },
};
