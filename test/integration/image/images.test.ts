import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSigningKey } from '../../../fhir/audit/signing-key.ts';
import { type Image, writeRoots } from '../../../local/image/roots.ts';
import { COMPONENTS, NODE } from '../../../local/image/table.ts';
import { openAuthority } from '../../../local/pki/authority.ts';
import { freePorts } from '../../../local/ports.ts';
import { type RunningProcess, waitUntil } from '../../../local/processes.ts';
import { PROJECT } from '../../../local/toolchain.ts';
import { canEnter, type ImageRig, imageRig } from '../../support/image-root.ts';
import { startPostgres } from '../../support/postgres.ts';

const password = (): string => randomBytes(16).toString('hex');

interface Context {
  dir: string;
  images: Record<string, Image>;
  rig: ImageRig;
  started: RunningProcess[];
  databasePort: number;
  owner: string;
  /** URL of a role of the database. */
  role: (name: string) => string;
}

const images = suite<Context>('images');

images.before((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'images-'));
  const all = writeRoots(join(context.dir, 'roots'), COMPONENTS);
  context.images = Object.fromEntries(all.map((image) => [image.name, image]));
  mkdirSync(join(context.dir, 'run'), { mode: 0o755 });
  context.rig = imageRig(join(context.dir, 'run'));
  context.started = [];
});

images.after(async ({ dir, started }) => {
  for (const running of started.reverse()) await running.stop();
  rmSync(dir, { recursive: true, force: true });
});

const start = async (context: Context, name: string, env: Record<string, string>, ready: string): Promise<RunningProcess> => {
  const running = await context.rig.start(context.images[name]!, env);
  context.started.push(running);
  await waitUntil(running, () => running.tail(200).includes(ready));
  return running;
};

/** Path, type, mode, time and content of everything below a folder. */
const everything = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((path) => {
      const info = lstatSync(join(root, path));
      const content = info.isSymbolicLink()
        ? readlinkSync(join(root, path))
        : info.isFile()
          ? createHash('sha256')
              .update(readFileSync(join(root, path)))
              .digest('hex')
          : '';
      return `${path} ${info.mode.toString(8)} ${info.mtimeMs} ${content}`;
    });

images('each root holds its program, and neither a shell nor tests nor packages for development', ({ images: all }) => {
  for (const { name, root, command } of Object.values(all)) {
    const paths = readdirSync(root, { recursive: true, encoding: 'utf8' });
    assert.ok(statSync(join(root, 'app', command[1]!)).isFile(), command[1]);
    const isForbidden = (path: string): boolean =>
      /(?:^|\/)(?:(?:ba|da|z)?sh|busybox)$|\.test\.ts$|^app\/test|node_modules\/(?:uvu|typescript|@types|playwright)/.test(path);
    // The one that starts PostgreSQL for initdb, and nothing else.
    assert.equal(paths.filter(isForbidden), name === 'postgres' ? ['bin/sh'] : [], name);
  }
});

images('everything in a root may be read by any user and written by none but its owner', ({ images: all }) => {
  for (const { root } of Object.values(all)) {
    for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      const info = lstatSync(join(root, path));
      if (info.isSymbolicLink()) continue;
      const wanted = path === 'tmp' ? 0o1777 : info.isDirectory() || info.mode & 0o100 ? 0o755 : 0o644;
      assert.is((info.mode & 0o7777).toString(8), wanted.toString(8), path);
    }
  }
});

images('written again, a root is the same to the byte, mode and time', ({ dir, images: all }) => {
  const before = everything(all['migrate']!.root);
  const again = writeRoots(
    join(dir, 'again'),
    COMPONENTS.filter(({ name }) => name === 'migrate'),
  );
  assert.is(again.length, 1);
  assert.equal(everything(again[0]!.root), before);
  writeRoots(
    join(dir, 'again'),
    COMPONENTS.filter(({ name }) => name === 'migrate'),
  );
  assert.equal(everything(again[0]!.root), before);
});

images('the list of parts names the packages that lie in the root, with their versions', ({ images: all }) => {
  const { components } = JSON.parse(readFileSync(join(all['fhir']!.root, 'app/sbom.cdx.json'), 'utf8')) as {
    components: { name: string; version?: string }[];
  };
  const version = (name: string): string | undefined => components.find((each) => each.name === name)?.version;
  const { dependencies } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  for (const name of ['pino', 'hono', 'postgres', 'fhirpath']) assert.is(version(name), dependencies[name]);
  assert.is(version(`node-linux-${process.arch}`), process.version.slice(1));
  assert.is(version('ioredis'), undefined);
});

images('PostgreSQL makes its database at the first start, keeps it, and ends fast when it is asked to', async (context) => {
  const { rig } = context;
  if (!canEnter && process.getuid!() === 0) {
    // PostgreSQL refuses root, and root may not become somebody else here: the run's own server does.
    const server = await startPostgres();
    const database = await server.createDatabase();
    context.owner = database.ownerUrl;
    return;
  }
  const [port] = await freePorts(1);
  rig.folder('volume');
  const secret = password();
  const env = {
    PGDATA: rig.seen('volume/data'),
    PGPORT: String(port),
    POSTGRES_PASSWORD_FILE: rig.give('postgres-password', `${secret}\n`),
  };
  context.owner = `postgres://postgres:${secret}@127.0.0.1:${port}/portcullis`;
  const first = await start(context, 'postgres', env, 'ready to accept connections');
  const sql = postgres(context.owner, { max: 1, onnotice: () => undefined });
  await sql`create table kept (n int)`;
  const settings =
    await sql`select name, setting from pg_settings where name in ('fsync', 'listen_addresses', 'password_encryption') order by name`;
  assert.equal(
    settings.map((row) => row['setting']),
    ['on', '*', 'scram-sha-256'],
  );
  const wrong = postgres(context.owner.replace(secret, 'wrong'), { max: 1 });
  assert.match(await wrong`select 1`.then(String, String), /password authentication failed/);
  await wrong.end();
  // A client that stays connected would hold a shutdown up that waits for it.
  assert.is((await first.stop(10_000)).code, 0, first.tail());
  await sql.end({ timeout: 1 });

  // What fsGroup does to a volume at each mount: PostgreSQL itself would refuse the folder.
  chmodSync(join(context.dir, 'run/volume/data'), 0o2770);
  await start(context, 'postgres', env, 'ready to accept connections');
  const again = postgres(context.owner, { max: 1 });
  assert.is((await again`select count(*)::int as n from kept`)[0]!['n'], 0);
  await again`drop table kept`;
  await again.end();
});

images('PostgreSQL refuses a folder that holds something else, and says what to do', async ({ rig, dir, images: all }) => {
  if (!canEnter && process.getuid!() === 0) return;
  rig.folder('filled');
  rig.give('filled/lost+found', '');
  const env = { PGPORT: '1', POSTGRES_PASSWORD_FILE: rig.give('other-password', password()) };
  const refused = async (more: Record<string, string>): Promise<string> => {
    const running = await rig.start(all['postgres']!, { ...env, ...more });
    assert.is((await running.exited).code, 1);
    return running.tail(1);
  };
  assert.match(await refused({ PGDATA: rig.seen('filled') }), /neither empty nor a cluster: PGDATA must be a folder of its own/);
  assert.match(await refused({ PGDATA: rig.seen('absent/data') }), /absent isn't there: mount the volume/);
  rig.give('short-password', 'short');
  const short = { PGDATA: rig.seen('filled/data'), POSTGRES_PASSWORD_FILE: rig.seen('short-password') };
  assert.match(await refused(short), /must hold one line of 16 or more characters/);
  assert.equal(readdirSync(join(dir, 'run/filled')), ['lost+found'], 'nothing half-made is left');
  if (!canEnter) return; // needs somebody else's folder
  mkdirSync(join(dir, 'run/filled/theirs'), { mode: 0o755 });
  writeFileSync(join(dir, 'run/filled/theirs/PG_VERSION'), '18\n');
  assert.match(await refused({ PGDATA: rig.seen('filled/theirs') }), /belongs to user 0 and this is user 65532: give it to this one/);
});

images('the job brings the database up to date, and the FHIR server serves from it', async (context) => {
  const { rig, images: all } = context;
  const roles = Object.fromEntries(['fhir_app', 'gateway_audit', 'audit_relay', 'audit_read'].map((role) => [role, password()]));
  const migration = await rig.start(all['migrate']!, {
    DATABASE_URL: context.owner,
    MIGRATE_ROLE_PASSWORDS: rig.give('roles.json', JSON.stringify(roles)),
  });
  assert.is((await migration.exited).code, 0, migration.tail());
  context.role = (name) => {
    const url = new URL(context.owner);
    [url.username, url.password] = [name, roles[name]!];
    return url.href;
  };

  const [port] = await freePorts(1);
  const base = `http://127.0.0.1:${port}/fhir`;
  const env = {
    DATABASE_URL: context.role('fhir_app'),
    FHIR_BASE_URL: base,
    FHIR_PORT: String(port),
    IDENTITY: 'none',
    VALIDATION: 'full',
  };
  await start(context, 'fhir', env, '"msg":"ready"');
  const ask = async (path: string, body?: object): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${base}${path}`, {
      headers: { accept: 'application/fhir+json', ...(body && { 'content-type': 'application/fhir+json' }) },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };
  // Each of these reads something that is loaded when it is first needed: data, fhirpath, the units.
  const weight = { unit: 'g', system: 'http://unitsofmeasure.org', code: 'g', value: 3000 };
  const observation = { resourceType: 'Observation', status: 'final', code: { text: 'weight' }, valueQuantity: weight };
  assert.is((await ask('/Observation', observation)).status, 201);
  assert.match((await ask('/Observation?value-quantity=3|http://unitsofmeasure.org|kg&_total=accurate')).text, /"total":1/);
  assert.is((await ask('/Patient', { resourceType: 'Patient', contact: [{ gender: 'male' }] })).status, 422, 'pat-1 is an invariant');
  assert.is((await ask('/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender')).status, 200);
  assert.is((await ask('/Observation?_format=xml')).status, 200);
  assert.is((await ask('/metadata')).status, 200);
});

images('the relay seals what the FHIR server recorded', async (context) => {
  const { rig, dir } = context;
  const { privatePem, verifierKey } = createSigningKey('test.example/audit');
  const env = {
    DATABASE_URL: context.role('audit_relay'),
    AUDIT_BUCKET: rig.folder('bucket'),
    AUDIT_SIGNING_KEY: rig.give('signing.key', privatePem),
    AUDIT_HEARTBEAT_MS: '500',
  };
  await start(context, 'relay', env, '"msg":"leading"');
  const key = join(dir, 'public.key');
  writeFileSync(key, `${verifierKey}\n`);
  // What an auditor does; before anything is sealed it says that nothing is there.
  const verify = (): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, ['fhir/audit/cli.ts', 'verify', '--bucket', join(dir, 'run/bucket'), '--key', key, '--no-memory'], {
      cwd: PROJECT,
      encoding: 'utf8',
    });
  const end = performance.now() + 20_000;
  let found = verify();
  while (found.status !== 0 && performance.now() < end) found = verify();
  assert.is(found.status, 0, found.stdout + found.stderr);
});

images('Valkey wants its password, and the gateway counts in it', async (context) => {
  const { rig } = context;
  const [valkeyPort, gatewayPort] = await freePorts(2);
  const secret = password();
  const valkey = await start(
    context,
    'valkey',
    { VALKEY_DATA: rig.folder('counters'), VALKEY_PORT: String(valkeyPort), VALKEY_PASSWORD_FILE: rig.give('valkey-password', secret) },
    'Ready to accept connections',
  );
  assert.not.match(readFileSync(`/proc/${valkey.pid}/cmdline`, 'utf8'), new RegExp(secret));
  rig.folder('config');
  for (const file of ['clients.yaml', 'quotas.yaml'])
    rig.give(`config/${file}`, readFileSync(join(PROJECT, 'gateway/examples', file), 'utf8'));
  const env = {
    GATEWAY_LISTEN: `127.0.0.1:${gatewayPort}`,
    GATEWAY_CONFIG_DIR: rig.seen('config'),
    IDENTITY_KEYS_FILE: rig.give('identity.keys', `k1:${randomBytes(32).toString('base64')}\n`),
    DATABASE_URL: context.role('gateway_audit'),
    REDIS_URL: `redis://:${secret}@127.0.0.1:${valkeyPort}/0`,
  };
  const gateway = await start(context, 'gateway', env, '"msg":"ready"');
  await waitUntil(gateway, () => gateway.tail(200).includes('redis answers'));
  for (const running of [gateway, valkey]) assert.is((await running.stop()).code, 0, running.tail());
  assert.ok(statSync(join(context.dir, 'run/counters')).isDirectory());
});

images("Envoy's image has an Envoy that runs", async ({ images: all, rig }) => {
  const running = await rig.start(all['envoy']!, {}, ['/usr/local/bin/envoy', '--version']);
  assert.is((await running.exited).code, 0, running.tail());
  assert.match(running.tail(), /1\.40\.0/);
});

images('Envoy renders its configuration into /run, answers, and has its sidecar beside it', async (context) => {
  const { rig, dir, images: all } = context;
  const authority = await openAuthority(join(dir, 'pki'));
  const folderOf = (name: string, from: string): string => {
    const seen = rig.folder(name);
    for (const file of readdirSync(from)) rig.give(`${name}/${file}`, readFileSync(join(from, file), 'utf8'));
    return seen;
  };
  const [port, operations, drain, nobody] = await freePorts(4);
  const env = {
    ENVOY_ADDRESS: '127.0.0.1',
    ENVOY_PORT: String(port),
    OPERATIONS_PORT: String(operations),
    DRAIN_LISTEN: `127.0.0.1:${drain}`,
    RUN_DIR: rig.folder('envoy'),
    SERVER_CERT_DIR: folderOf('server', authority.serverDir),
    CLIENT_CA_DIR: folderOf('clients', authority.trustDir),
    FHIR_UPSTREAM: `127.0.0.1:${nobody}`,
    GATEWAY_UPSTREAM: `127.0.0.1:${nobody}`,
    ...(!canEnter && { ENVOY_BIN: join(all['envoy']!.root, 'usr/local/bin/envoy') }),
  };
  const answers = (url: string): Promise<boolean> =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
  const envoy = await rig.start(all['envoy']!, env);
  context.started.push(envoy);
  await waitUntil(envoy, () => answers(`http://127.0.0.1:${operations}/ready`));
  const sidecar = await rig.start(all['envoy']!, env, [NODE, 'envoy/drain.ts']);
  context.started.push(sidecar);
  await waitUntil(sidecar, () => answers(`http://127.0.0.1:${drain}/health`));
  for (const running of [sidecar, envoy]) assert.is((await running.stop()).code, 0, running.tail());
});

images.run();
