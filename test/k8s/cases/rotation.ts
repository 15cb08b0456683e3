import { setTimeout as sleep } from 'node:timers/promises';
import type { Case } from '../case.ts';
import { NODE, startClientPod } from '../support/client-pod.ts';
import { evaluationClient } from '../support/evaluation.ts';
import { createAuthority } from '../support/certificates.ts';
import { startLoad } from '../support/load.ts';
import { merged, releaseIn, testValues } from '../support/release.ts';
import { secondsSince, until } from '../support/until.ts';

/** Serial number of what the edge shows, whoever signed it. */
const SHOWN = `
const { connect } = require('node:tls');
const [host, port] = process.argv.slice(1);
const socket = connect({ host, port: Number(port), servername: 'localhost', rejectUnauthorized: false }, () => {
  console.log(socket.getPeerCertificate().serialNumber);
  process.exit(0);
});
`;

export const rotation: Case = {
  name: 'rotation',
  title: 'certificates replaced in their Secrets are shown without a restart, under load',
  run: async ({ cluster, images, check, measured }) => {
    const release = releaseIn(await cluster.namespace('rotation'));
    const { space, object } = release;
    await release.install(merged(testValues(images.tag), { envoy: { replicas: 2 }, gateway: { replicas: 2 }, fhir: { replicas: 2 } }));
    await release.rolledOut();
    const client = await evaluationClient(release);
    // The new certificate is of another CA: its clients trust both for a time, as in a real change.
    const authority = await createAuthority('Portcullis test CA');
    const pod = await startClientPod(await cluster.namespace('rotation-client'), images.tag, {
      ehr: { ...client, 'ca.crt': `${client['ca.crt']}\n${authority.caPem}` },
    });
    const edge = { host: `${object('envoy')}.${space.name}`, port: 443, servername: 'localhost' };
    const all = async (): Promise<string> =>
      (await Promise.all((['envoy', 'gateway', 'fhir'] as const).map((component) => release.pods(component))))
        .flat()
        .map(({ uid, restarts }) => `${uid} ${restarts}`)
        .sort()
        .join();
    const before = await all();
    const load = startLoad({ pod, edge, client: 'ehr', perSecond: 50, callers: 4, run: 'rotation' });
    await load.enter('rotation');

    const fresh = await authority.issue({ subject: 'edge', dns: ['localhost'], usage: 'server' });
    const replace = (secret: string, data: Readonly<Record<string, string>>): Promise<string> =>
      space.kubectl(['patch', 'secret', secret, '--type', 'merge', '-p', JSON.stringify({ stringData: data })]);
    const since = performance.now();
    await replace(object('edge-tls'), { 'tls.crt': fresh.cert, 'tls.key': fresh.key });
    const edges = await release.pods('envoy');
    await until(
      'every Envoy shows the new certificate',
      async () => {
        const serials = await Promise.all(edges.map(({ ip }) => pod.node(['-e', SHOWN, ip, '8443'])));
        return serials.every((serial) => serial.trim().toLowerCase() === fresh.serial.toLowerCase());
      },
      { limitMs: 150_000 },
    );
    measured(
      'certificate of the edge',
      `shown by both Envoys ${secondsSince(since)} s after the Secret was replaced, the kubelet's delay included`,
    );

    // Inside: all three ends get certificates of a new CA, and know the old one too while both are about.
    const inside = await createAuthority('Portcullis internal test CA');
    const old = ((await space.get('secret', object('internal-ca'))) as { data: Record<string, string> }).data['ca.crt']!;
    const both = `${Buffer.from(old, 'base64').toString().trim()}\n${inside.caPem}`;
    const parts = ['envoy', 'gateway', 'fhir'] as const;
    for (const part of parts) await replace(object(`${part}-internal-tls`), { 'ca.crt': both });
    const trusted = async (pods: readonly { readonly name: string }[], container: string): Promise<boolean> => {
      const text = await Promise.all(
        pods.map(({ name }) =>
          space.exec(name, container, [NODE, '-p', `require('node:fs').readFileSync('/run/secrets/internal-tls/ca.crt', 'utf8').length`]),
        ),
      );
      return text.every((length) => Number(length) >= both.length - 2);
    };
    for (const part of parts) {
      const pods = await release.pods(part);
      await until(`${part} has both authorities`, () => trusted(pods, part), { limitMs: 150_000 });
    }
    await sleep(3000);
    for (const part of parts) {
      const pair = await inside.issue({ subject: part, dns: [`${object(part)}.${space.name}`], usage: 'both' });
      await replace(object(`${part}-internal-tls`), { 'tls.crt': pair.cert, 'tls.key': pair.key });
    }
    const mine = await release.pods('fhir');
    await until(
      'fhir shows the new certificate',
      async () => {
        const script = `
          const { connect } = require('node:tls');
          const socket = connect({ host: '127.0.0.1', port: 8080, rejectUnauthorized: false }, () => { console.log(socket.getPeerCertificate().issuer.CN); process.exit(0); });
          socket.on('error', () => process.exit(0));`;
        const issuers = await Promise.all(mine.map(({ name }) => space.exec(name, 'fhir', [NODE, '-e', script])));
        return issuers.every((issuer) => issuer.includes('Portcullis internal test CA'));
      },
      { limitMs: 150_000 },
    );
    await sleep(5000);
    await load.enter('after');
    const { phases } = await load.stop();
    const phase = phases.find(({ name }) => name === 'rotation')!;
    check('the edge shows a new certificate without a restart', (await all()) === before, await all());
    check('certificates inside, of a new CA, are taken up without a restart', true);
    measured('load meanwhile', `${phase.sent} requests in ${phase.seconds.toFixed(0)} s, ${phase.failed} failed`);
    check('no request failed meanwhile', phase.failed === 0 && phase.sent > 100, phase.failures);
  },
};
