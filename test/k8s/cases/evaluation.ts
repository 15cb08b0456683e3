import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from '../case.ts';
import type { Manifest } from '../support/cluster.ts';
import { run, tryRun } from '../support/command.ts';
import { releaseIn, testValues } from '../support/release.ts';
import { secondsSince, until } from '../support/until.ts';

const TARGET_SECONDS = 60;
/** Every kind that the chart may make, and what those make in turn. */
const KINDS =
  'deployments,statefulsets,replicasets,pods,jobs,services,configmaps,secrets,serviceaccounts,networkpolicies,persistentvolumeclaims,poddisruptionbudgets,horizontalpodautoscalers';

/** The indented lines of NOTES.txt are commands; those that open an editor or run helm's tests are left to the person. */
const commandsOf = (notes: string): string[] =>
  notes
    .slice(notes.indexOf('NOTES:'))
    .split('\n')
    .filter((line) => /^ {2}\S/.test(line))
    .map((line) => line.trim())
    .filter((line) => !/\bedit\b/.test(line));

export const evaluation: Case = {
  name: 'evaluation',
  title: 'helm install on an empty cluster, the commands that it prints, helm test, uninstall',
  run: async ({ cluster, images, work, check, measured }) => {
    const space = await cluster.namespace('evaluation');
    const release = releaseIn(space);
    const startedAt = performance.now();
    const notes = await release.install(testValues(images.tag));
    const helmSeconds = secondsSince(startedAt);
    const [waiting, ...calls] = commandsOf(notes);
    await run('sh', ['-c', waiting ?? 'exit 1']);
    const seconds = secondsSince(startedAt);
    measured('helm install', `${helmSeconds} s; ready after ${seconds} s (the target is ${TARGET_SECONDS} s)`);
    check(`it is ready within ${TARGET_SECONDS} s`, seconds <= TARGET_SECONDS, seconds);
    const pods = (await space.get('pods')) as readonly Manifest[];
    const restarts = pods.flatMap(({ metadata, status }) =>
      [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])]
        .filter(({ restartCount }: Manifest) => restartCount > 0)
        .map(({ name, restartCount }: Manifest) => `${metadata.name}/${name}: ${restartCount}`),
    );
    check('no container had to be restarted', restarts.length === 0, restarts);

    const folder = join(work, 'notes');
    mkdirSync(folder, { recursive: true });
    // The notes' port-forward runs in the background of the shell: ended here, since the shell alone wouldn't end it.
    const script = `${calls.join('\n')}\nstatus=$?\nkill $! 2>/dev/null\nexit $status`;
    const { code, stdout, stderr } = await tryRun('sh', ['-c', script], { cwd: folder, limitMs: 60_000 });
    check(
      'the commands of NOTES.txt fetch the certificate and /metadata through the Envoy Service',
      code === 0 && stdout.includes('"CapabilityStatement"'),
      {
        code,
        stderr: stderr.slice(-500),
        stdout: stdout.slice(0, 200),
      },
    );

    const testedAt = performance.now();
    const tests = await tryRun('helm', ['test', 'p', '-n', space.name, '--timeout', '120s']);
    check(
      'helm test: metadata, a handshake without a certificate refused, 429',
      tests.code === 0,
      `${tests.stdout}${tests.stderr}`.slice(-1500),
    );
    measured('helm test', `${secondsSince(testedAt)} s`);

    const removedAt = performance.now();
    await release.uninstall();
    const left = await until(
      'nothing of the release is left',
      async () => {
        const objects = (await space.get(KINDS)) as readonly Manifest[];
        const ours = objects.filter(
          ({ kind, metadata }) => !(metadata.name === 'default' && kind === 'ServiceAccount') && metadata.name !== 'kube-root-ca.crt',
        );
        return ours.length === 0 ? 'nothing' : undefined;
      },
      { limitMs: 60_000 },
    ).catch(async () => (await space.kubectl(['get', KINDS, '-o', 'name'])).trim().split('\n'));
    check('helm uninstall leaves nothing, volumes included', left === 'nothing', left);
    measured('helm uninstall', `${secondsSince(removedAt)} s until the last object was gone`);
  },
};
