import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Case, Context } from '../case.ts';
import { whatWasKept } from '../support/acknowledged.ts';
import { noStore } from '../support/backing.ts';
import type { Manifest } from '../support/cluster.ts';
import { run } from '../support/command.ts';
import { crash, evict } from '../support/crash.ts';
import { type Load, type Phase, startLoad, wereTogether } from '../support/load.ts';
import { CHART_DRAINS, prepareProduction, type Production } from '../support/production.ts';
import { type Component, COMPONENTS, settled } from '../support/release.ts';
import { secondsSince, until } from '../support/until.ts';
import { byComponent, readUsage, usageBetween } from '../support/usage.ts';

const PER_SECOND = 60;
const AT_LEAST_PER_SECOND = 50;
const REPLICAS = 2;

interface Step {
  readonly phase: string;
  readonly what: string;
  /** Requests in flight may fail. */
  readonly isKill: boolean;
  readonly seconds: number;
}

/** Nothing of a component is coming or going any more. */
const quiet = async ({ release }: Production, component: Component): Promise<void> => {
  await settled(release, component, REPLICAS, 240_000);
  await until(
    `the last pod of ${component} has gone`,
    async () =>
      ((await release.space.get('pods', '-l', `app.kubernetes.io/component=${component}`)) as readonly Manifest[]).length === REPLICAS,
    { limitMs: 150_000 },
  );
};

const usage = async ({ measured }: Context, { release }: Production, when: string, seconds: number): Promise<void> => {
  const before = await readUsage(release);
  await sleep(seconds * 1000);
  for (const [name, { mb, cpu, pods }] of Object.entries(byComponent(usageBetween(before, await readUsage(release)))))
    measured(`${name} ${when}`, `${mb} MB, ${cpu} cores (the highest of ${pods})`);
};

const drainNode = async ({ release }: Production): Promise<void> => {
  const [pod] = await release.pods('envoy');
  const { spec } = (await release.space.get('pod', pod!.name)) as Manifest;
  const selector = ['--pod-selector', 'app.kubernetes.io/instance=p', '-n', release.space.name];
  await run('kubectl', ['drain', spec.nodeName, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=300s', ...selector], {
    limitMs: 320_000,
  }).finally(() => run('kubectl', ['uncordon', spec.nodeName]));
};

const steps = async (context: Context, set: Production, load: Load): Promise<readonly Step[]> => {
  const { cluster, images, check, skip } = context;
  const { release } = set;
  const done: Step[] = [];
  const step = async (phase: string, what: string, isKill: boolean, work: () => Promise<unknown>): Promise<void> => {
    context.say(await load.enter(phase, { isLenient: isKill }));
    const startedAt = performance.now();
    // What was seen until here is told all the same.
    await work().catch((error: Error) => check(`${what} comes to its end`, false, error.message));
    done.push({ phase, what, isKill, seconds: secondsSince(startedAt) });
    context.say(`${what}: ${secondsSince(startedAt)} s`);
    await sleep(2000);
  };
  for (const component of COMPONENTS)
    await step(`restart-${component}`, `rollout restart of ${component}`, false, async () => {
      await release.space.kubectl(['rollout', 'restart', `deployment/${release.object(component)}`]);
      await release.rolledOut([component], 240);
      await quiet(set, component);
    });
  await step('upgrade', 'helm upgrade with another tag', false, async () => {
    const { code, stderr } = await release.upgrade(set.values({ ...CHART_DRAINS, image: { tag: images.otherTag } }), {
      args: ['--wait', '--timeout', '400s'],
    });
    check('helm upgrade succeeds', code === 0, stderr);
    for (const component of COMPONENTS) await quiet(set, component);
  });
  for (const component of COMPONENTS)
    await step(`evict-${component}`, `eviction of one ${component}`, false, async () => {
      const [pod] = await release.pods(component);
      await evict(release, pod!);
      await sleep(1000);
      await quiet(set, component);
    });
  if ((await cluster.nodes()).length > 1) await step('drain', 'kubectl drain of a node', false, () => drainNode(set));
  else skip('kubectl drain', 'the cluster has one node: each pod was evicted instead, by the API that a drain uses');
  for (const component of COMPONENTS)
    await step(`kill-${component}`, `one ${component} deleted by force`, true, async () => {
      const [pod] = await release.pods(component);
      await release.space.kubectl(['delete', 'pod', pod!.name, '--force', '--grace-period=0']);
      await sleep(3000);
      await quiet(set, component);
    });
  for (const component of COMPONENTS)
    await step(`crash-${component}`, `one ${component} ends at once`, true, async () => {
      const [pod] = await release.pods(component);
      await crash(release, component, pod!);
      await until(`${component} was restarted`, async () =>
        (await release.pods(component)).some(({ name, restarts }) => name === pod!.name && restarts > pod!.restarts),
      );
      await quiet(set, component);
    });
  return done;
};

const judge = ({ check, measured }: Context, { what, isKill, seconds }: Step, phase: Phase): void => {
  const { sent, failed, unconnected, failures, p50Ms, p99Ms } = phase;
  const perSecond = sent / phase.seconds;
  const words = [
    `${seconds} s`,
    `${sent} requests (${perSecond.toFixed(0)}/s)`,
    `${failed} failed`,
    ...(unconnected > 0 ? [`${unconnected} found no connection`] : []),
    `p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms`,
  ];
  measured(`${what}`, words.join(', '));
  if (!isKill) return check(`no request failed: ${what}`, failed === 0, failures.slice(0, 8));
  return check(`only requests under way failed: ${what}`, wereTogether(failures), failures.slice(0, 12));
};

export const rollout: Case = {
  name: 'rollout',
  title: 'restart, upgrade, eviction and death of each component under load: what fails, and whether every answered write is there',
  run: async (context) => {
    const { cluster, images, work, check, skip, measured } = context;
    const none = noStore();
    if (none !== undefined) return skip('the whole case', none);
    const set = await prepareProduction(cluster, images, 'rollout', work);
    for (const name of [...COMPONENTS, 'migrate']) await images.load(name, images.otherTag, join(images.folder, name));
    await set.release.install(set.values(CHART_DRAINS));
    await set.release.rolledOut();
    await usage(context, set, 'at rest', 20);

    const load = startLoad({ pod: set.client, edge: set.edge, client: 'ehr', perSecond: PER_SECOND, callers: 6, run: 'rollout' });
    await sleep(8000);
    await load.enter('steady');
    await usage(context, set, `at ${PER_SECOND} requests/s`, 20);
    const done = await steps(context, set, load);
    await load.enter('after');
    await sleep(5000);
    const result = await load.stop();

    const phaseOf = (name: string): Phase => result.phases.find((each) => each.name === name)!;
    const { sent, failed, seconds, p50Ms, p99Ms } = phaseOf('steady');
    measured(
      'nothing happens',
      `${sent} requests (${(sent / seconds).toFixed(0)}/s), ${failed} failed, p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms`,
    );
    for (const step of done) judge(context, step, phaseOf(step.phase));
    const strict = done.filter(({ isKill }) => !isKill).map(({ phase }) => phaseOf(phase));
    const total = strict.reduce((sum, phase) => sum + phase.sent, 0);
    const time = strict.reduce((sum, phase) => sum + phase.seconds, 0);
    check(
      `the load was ${AT_LEAST_PER_SECOND} requests/s or more over rollouts and evictions`,
      total / time >= AT_LEAST_PER_SECOND,
      total / time,
    );

    const kept = await whatWasKept(set.release, set.backing.passwords.owner, 'rollout', result);
    measured(
      'answered writes',
      `${kept.writes}: ${kept.lost.length} lost, ${kept.badlyAudited.length} without exactly one audit event, ${kept.surplus} resources too many`,
    );
    check('every answered write is there in its version', kept.lost.length === 0, kept.lost.slice(0, 10));
    check('with exactly one audit event', kept.badlyAudited.length === 0, kept.badlyAudited.slice(0, 10));
    check('and no create was done twice', kept.surplus === 0, kept.surplus);
  },
};
