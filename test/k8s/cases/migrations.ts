import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Case } from '../case.ts';
import { whatWasKept } from '../support/acknowledged.ts';
import { noStore } from '../support/backing.ts';
import { startLoad } from '../support/load.ts';
import { CHART_DRAINS, prepareProduction } from '../support/production.ts';
import { COMPONENTS } from '../support/release.ts';
import { query } from '../support/sql.ts';
import { secondsSince } from '../support/until.ts';

/** As a later release would bring it: something more, nothing less. */
const EXPAND = 'create table fhir.k8s_test (one boolean);\nalter table fhir.resource add column k8s_test text;\n';
const FAULTY = 'alter table fhir.resource add column k8s_fault text;\nselect 1 / 0;\n';

export const migrations: Case = {
  name: 'migrations',
  title: 'an upgrade that brings a migration while the old pods serve; one whose migration fails',
  run: async ({ cluster, images, work, check, skip, measured }) => {
    const none = noStore();
    if (none !== undefined) return skip('the whole case', none);
    const set = await prepareProduction(cluster, images, 'migrations', work);
    const { release, backing } = set;
    await release.install(set.values(CHART_DRAINS));
    await release.rolledOut();

    const withMigration = async (name: string, text: string): Promise<string> => {
      const root = await images.copyRoot(name, `${name}-next`);
      writeFileSync(join(root, 'app/fhir/store/migrations/9999_test.sql'), text, { mode: 0o644 });
      return root;
    };
    const [bad, next] = [`${images.tag}-bad`, `${images.tag}-next`];
    await images.load('migrate', bad, await withMigration('migrate', FAULTY));
    for (const name of COMPONENTS) if (name !== 'fhir') await images.load(name, next, join(images.folder, name));
    for (const name of ['migrate', 'fhir']) await images.load(name, next, await withMigration(name, EXPAND));

    const load = startLoad({ pod: set.client, edge: set.edge, client: 'ehr', perSecond: 60, callers: 6, run: 'migrations' });
    await sleep(5000);
    const podsBefore = (await release.pods('fhir')).map(({ uid }) => uid).sort();

    await load.enter('failing');
    const refusedAt = performance.now();
    const refused = await release.upgrade(set.values({ ...CHART_DRAINS, image: { tag: bad } }), { args: ['--timeout', '150s'] });
    measured('one that fails', `helm upgrade says so after ${secondsSince(refusedAt)} s`);
    check(
      'helm reports an upgrade whose migration fails',
      refused.code !== 0 && /migrate|hook|pre-upgrade/i.test(refused.stderr),
      refused.stderr,
    );
    const podsAfter = (await release.pods('fhir')).map(({ uid }) => uid).sort();
    check('and the old pods are the ones that serve', podsBefore.join() === podsAfter.join(), { podsBefore, podsAfter });
    const column = `select count(*)::int as count from information_schema.columns where table_schema = 'fhir' and column_name = `;
    const [half] = await query<{ count: number }>(release, backing.passwords.owner, `${column}'k8s_fault'`);
    check('of a failed migration nothing stays in the database', half?.count === 0, half);

    await load.enter('upgrade');
    const upgradedAt = performance.now();
    const upgraded = await release.upgrade(set.values({ ...CHART_DRAINS, image: { tag: next } }), {
      args: ['--wait', '--timeout', '300s'],
    });
    check('the next upgrade, with a migration that adds, succeeds', upgraded.code === 0, upgraded.stderr);
    await release.rolledOut();
    measured('upgrade with one more', `${secondsSince(upgradedAt)} s`);
    await sleep(5000);
    await load.enter('after');
    await sleep(3000);
    const result = await load.stop();
    const [there] = await query<{ count: number }>(release, backing.passwords.owner, `${column}'k8s_test'`);
    check('the migration has run', there?.count === 1, there);
    for (const name of ['failing', 'upgrade']) {
      const phase = result.phases.find((each) => each.name === name)!;
      measured(
        `load, ${name}`,
        `${phase.sent} requests in ${phase.seconds.toFixed(0)} s (${(phase.sent / phase.seconds).toFixed(0)}/s), ${phase.failed} failed, p50 ${phase.p50Ms.toFixed(0)} ms, p99 ${phase.p99Ms.toFixed(0)} ms`,
      );
      check(`no request failed: ${name}`, phase.failed === 0 && phase.sent > 100, phase.failures);
    }
    const kept = await whatWasKept(release, backing.passwords.owner, 'migrations', result);
    check(
      `each of ${kept.writes} answered writes is there, with one audit event`,
      kept.lost.length === 0 && kept.badlyAudited.length === 0,
      kept,
    );
  },
};
