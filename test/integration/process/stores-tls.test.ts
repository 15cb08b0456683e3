/** TLS to PostgreSQL and to Redis. Our Valkey is built without TLS: a terminator stands before the real one. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPool } from '../../../fhir/store/pool.ts';
import { createRedisCounter } from '../../../gateway/quota/redis-counter.ts';
import { createGuardian } from '../../../local/guardian.ts';
import { freePorts } from '../../../local/ports.ts';
import { startPostgres } from '../../../local/postgres.ts';
import { eventually } from '../../support/stack.ts';
import { createTestCa, mountSecret } from '../../support/tls-folder.ts';
import { startValkey } from '../../support/valkey.ts';

const ask = async (url: string): Promise<string> => {
  const sql = createPool(url, { max: 1, application: 'tls test' });
  try {
    const [row] = await sql.unsafe<{ version: string }[]>('select version from pg_stat_ssl where pid = pg_backend_pid()');
    return row!.version;
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await sql.end({ timeout: 0 });
  }
};

test('the database is believed only with a certificate of the CA that has its name', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pg-tls-'));
  chmodSync(dir, 0o755);
  const [ca, other] = await Promise.all([createTestCa(), createTestCa()]);
  const secret = mountSecret(await ca.issue('localhost'));
  const foreign = mountSecret(await other.issue('localhost'));
  const [port] = await freePorts(1);
  const options = {
    dir: join(dir, 'data'),
    port: port!,
    log: join(dir, 'log'),
    password: randomBytes(16).toString('hex'),
    guardian: createGuardian(),
  };
  await (await startPostgres(options)).process.stop();
  // PostgreSQL takes a key only from its own user.
  const { uid, gid } = statSync(join(options.dir, 'PG_VERSION'));
  const { cert, key } = await ca.issue('localhost');
  for (const [name, text] of Object.entries({ 'server.crt': cert, 'server.key': key })) {
    writeFileSync(join(options.dir, name), text, { mode: 0o600 });
    chownSync(join(options.dir, name), uid, gid);
  }
  const server = await startPostgres({ ...options, settings: { ssl: 'on', shared_buffers: '16MB' } });
  const url = (host: string): string => `${server.url().replace('127.0.0.1', host)}?sslmode=verify-full`;
  try {
    process.env['DATABASE_CA_FILE'] = join(secret.dir, 'ca.crt');
    assert.is(await ask(url('localhost')), 'TLSv1.3');
    assert.is(await ask(url('127.0.0.1')), 'ERR_TLS_CERT_ALTNAME_INVALID');
    process.env['DATABASE_CA_FILE'] = join(foreign.dir, 'ca.crt');
    assert.match(await ask(url('localhost')), /SELF_SIGNED|UNABLE_TO_VERIFY|SIGNATURE/);
    delete process.env['DATABASE_CA_FILE'];
    assert.match(await ask(url('localhost')), /SELF_SIGNED|UNABLE_TO/, 'the CAs that Node knows');
  } finally {
    delete process.env['DATABASE_CA_FILE'];
    await server.process.stop();
    for (const { remove } of [secret, foreign]) remove();
    rmSync(dir, { recursive: true, force: true });
  }
});

test('Redis by rediss:// is believed only with a certificate of the CA, and takes the password from outside of the address', async () => {
  const valkey = await startValkey();
  const { hostname, port, password } = new URL(valkey.url);
  const [ca, other] = await Promise.all([createTestCa(), createTestCa()]);
  const secret = mountSecret(await ca.issue('localhost'));
  const foreign = mountSecret(await other.issue('localhost'));
  const { cert, key } = await ca.issue('localhost');
  const terminator = createServer({ cert, key }, (socket) => {
    const far = connect(Number(port), hostname);
    socket.pipe(far).pipe(socket);
    for (const each of [socket, far]) each.on('error', () => (socket.destroy(), far.destroy()));
  });
  terminator.listen(0, '127.0.0.1');
  await once(terminator, 'listening');
  const url = `rediss://localhost:${(terminator.address() as AddressInfo).port}/0`;
  const counters: { close: () => void }[] = [];
  const counter = (caFile: string | undefined): ReturnType<typeof createRedisCounter> => {
    const made = createRedisCounter({ url, password, caFile, deadlineMs: 2000 });
    counters.push(made);
    return made;
  };
  try {
    const good = counter(join(secret.dir, 'ca.crt'));
    const bad = [counter(join(foreign.dir, 'ca.crt')), counter(undefined)];
    await eventually('up', () => good.isUp(), 10_000);
    const takes = [{ key: `tls:${process.pid}`, limit: 5, periodMs: 1000, needed: 1, wanted: 1 }];
    assert.is((await good.take(takes))?.allowed, true);
    assert.equal(
      bad.map((each) => each.isUp()),
      [false, false],
    );
    assert.throws(() => createRedisCounter({ url: valkey.url, caFile: '/ca.crt' }), /write rediss:\/\//);
  } finally {
    for (const each of counters) each.close();
    terminator.close();
    await valkey.stop();
    for (const { remove } of [secret, foreign]) remove();
  }
});

test.run();
