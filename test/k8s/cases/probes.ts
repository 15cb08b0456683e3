import { setTimeout as sleep } from 'node:timers/promises';
import type { Case } from '../case.ts';
import { NODE, startClientPod } from '../support/client-pod.ts';
import { evaluationClient } from '../support/evaluation.ts';
import { type Component, COMPONENTS, type Release, releaseIn, testValues } from '../support/release.ts';
import { secondsSince, until } from '../support/until.ts';

/** Longer than any liveness probe needs to give up. */
const PATIENCE_MS = 45_000;

const health = async (release: Release, component: Component): Promise<{ status: string; parts: Record<string, { status: string }> }> => {
  const [pod] = await release.pods(component);
  const script = `fetch('http://127.0.0.1:9002/health').then((r) => r.text()).then(console.log)`;
  return JSON.parse(await release.space.exec(pod!.name, component, [NODE, '-e', script]));
};

/** Readiness and restarts of each component, such as `fhir not ready 0`. */
const states = async (release: Release): Promise<Readonly<Record<Component, string>>> =>
  Object.fromEntries(
    await Promise.all(
      COMPONENTS.map(async (component) => {
        const [pod] = await release.pods(component);
        return [component, `${pod?.isReady ? 'ready' : 'not ready'} ${pod?.restarts}`] as const;
      }),
    ),
  ) as Record<Component, string>;

export const probes: Case = {
  name: 'probes',
  title: 'what the probes say while the database, Redis, the gateway or the FHIR server is gone, and when it is back',
  run: async ({ cluster, images, check, measured }) => {
    const release = releaseIn(await cluster.namespace('probes'));
    const { space, object } = release;
    await release.install(testValues(images.tag));
    await release.rolledOut();
    const pod = await startClientPod(await cluster.namespace('probes-client'), images.tag, { ehr: await evaluationClient(release) });
    const edge = { host: `${object('envoy')}.${space.name}`, port: 443, servername: 'localhost' };
    const ask = async (): Promise<string> => {
      const [answer] = await pod.ask(edge, 'ehr', [{ path: '/fhir/Patient?_count=1' }]);
      return `${answer!.status}${answer!.error ?? ''}`;
    };
    const scale = (kind: string, component: string, to: number): Promise<string> =>
      space.kubectl(['scale', `${kind}/${object(component)}`, `--replicas=${to}`]);
    const isReady = (component: Component, wanted: boolean): Promise<true> =>
      until(
        `${component} is ${wanted ? '' : 'not '}ready`,
        async () => (await release.pods(component)).every((each) => each.isReady === wanted) && (true as const),
        { limitMs: 90_000 },
      );
    check('everything answers before', (await ask()) === '200');
    const first = await states(release);
    check(
      'every component is ready',
      Object.values(first).every((state) => state.startsWith('ready')),
      first,
    );

    // The database goes.
    let since = performance.now();
    await scale('statefulset', 'postgres', 0);
    await isReady('fhir', false);
    measured('database gone', `fhir not ready after ${secondsSince(since)} s`);
    const answer = await ask();
    await sleep(PATIENCE_MS);
    const without = await states(release);
    check(
      'without a database fhir and relay are not ready',
      without.fhir.startsWith('not ready') && without.relay.startsWith('not ready'),
      without,
    );
    check('the gateway and Envoy stay ready', without.gateway.startsWith('ready') && without.envoy.startsWith('ready'), without);
    check(
      'and nobody is restarted for it',
      Object.entries(without).every(([name, state]) => state.at(-1) === first[name as Component].at(-1)),
      { first, without },
    );
    const told = await health(release, 'fhir');
    check('/health of fhir names the database', told.status === 'unavailable' && JSON.stringify(told.parts).includes('database'), told);
    check('a client is told 503', answer.startsWith('503'), answer);
    since = performance.now();
    await scale('statefulset', 'postgres', 1);
    await isReady('fhir', true);
    await isReady('relay', true);
    measured('database back', `fhir and relay ready ${secondsSince(since)} s after its pod was asked for`);
    await until('an answer', async () => (await ask()) === '200', { limitMs: 30_000 });
    check('with the database back everything answers again', true);

    // Redis goes.
    await scale('statefulset', 'valkey', 0);
    const degraded = await until('the gateway says that Redis is gone', async () => {
      const { status, parts } = await health(release, 'gateway');
      return parts['redis']?.status !== 'ok' && { status, parts };
    });
    await sleep(10_000);
    const noRedis = await states(release);
    check('without Redis the gateway is degraded in /health', degraded.status === 'degraded', degraded);
    check('and ready, without a restart', noRedis.gateway === without.gateway, noRedis);
    check('and requests are decided', (await ask()) === '200');
    await scale('statefulset', 'valkey', 1);
    await until('Redis is back', async () => (await health(release, 'gateway')).status === 'ok', { limitMs: 90_000 });
    check('with Redis back it is well', true);

    // The gateway goes: nothing may be let in undecided.
    await scale('deployment', 'gateway', 0);
    await until('no gateway', async () => (await release.pods('gateway')).length === 0 && (await ask()) !== '200', {
      limitMs: 90_000,
      everyMs: 1000,
    });
    await sleep(5000);
    const [undecided, envoyState] = [await ask(), (await states(release)).envoy];
    measured('no gateway', `a request is answered ${undecided}; envoy is ${envoyState.replace(/ \d+$/, '')}`);
    check('without a gateway nobody is let in', undecided.startsWith('503') || undecided.startsWith('0'), undecided);
    check('and Envoy is not restarted', envoyState.at(-1) === first.envoy.at(-1), envoyState);
    await scale('deployment', 'gateway', 1);
    await isReady('gateway', true);
    await until('an answer', async () => (await ask()) === '200', { limitMs: 30_000 });
    check('with the gateway back everything answers again', true);

    await scale('deployment', 'fhir', 0);
    await until('no fhir', async () => (await release.pods('fhir')).length === 0 && (await ask()) !== '200', {
      limitMs: 120_000,
      everyMs: 1000,
    });
    const [nobody, envoyAfter] = [await ask(), (await states(release)).envoy];
    measured('no fhir', `a request is answered ${nobody}; envoy is ${envoyAfter.replace(/ \d+$/, '')}`);
    check('without a FHIR server a client is told 503', nobody.startsWith('503'), nobody);
    await scale('deployment', 'fhir', 1);
    await isReady('fhir', true);
    await until('an answer', async () => (await ask()) === '200', { limitMs: 30_000 });
    check('with the FHIR server back everything answers again', true);
  },
};
