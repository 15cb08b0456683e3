import { Agent, get } from 'node:https';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openAuthority } from '../../../local/pki/authority.ts';
import { type Answer, eventually, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  await stack.request('/Patient/p1', { method: 'PUT', body: { resourceType: 'Patient', id: 'p1', active: true } });
});
test.after(() => stack.stop());

const refusedHandshake = (options: { cert?: Buffer; key?: Buffer }): Promise<string> =>
  new Promise((resolve, reject) => {
    const ca = readFileSync(stack.system.authority.caFile);
    const request = get(`${stack.system.state.baseUrl}/metadata`, { ...options, ca, agent: new Agent() }, (response) =>
      reject(new Error(`answered ${response.statusCode}`)),
    );
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });

const isOutcome = ({ headers, json }: Answer): void => {
  assert.match(String(headers['content-type']), /application\/fhir\+json/);
  assert.is(json.resourceType, 'OperationOutcome');
};

test('refuses the handshake without a certificate', async () => {
  assert.match(await refusedHandshake({}), /CERTIFICATE_REQUIRED|ECONNRESET|EPIPE/);
});

test('refuses the handshake with a certificate of another CA', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'foreign-'));
  try {
    const foreign = await openAuthority(dir);
    await foreign.issueClient('ehr-demo');
    const { cert, key } = foreign.clientFiles('ehr-demo');
    assert.match(await refusedHandshake({ cert: readFileSync(cert), key: readFileSync(key) }), /UNKNOWN_CA|DECRYPT_ERROR|ECONNRESET|EPIPE/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('refuses the handshake with an expired certificate', async () => {
  await stack.system.authority.issueClient('late', -1);
  const { cert, key } = stack.system.authority.clientFiles('late');
  assert.match(await refusedHandshake({ cert: readFileSync(cert), key: readFileSync(key) }), /EXPIRED|ECONNRESET|EPIPE/);
});

test('refuses the handshake with a revoked certificate, within seconds of its revocation', async () => {
  const { authority } = stack.system;
  await authority.issueClient('lost-laptop');
  const { cert, key } = authority.clientFiles('lost-laptop');
  const tls = { cert: readFileSync(cert), key: readFileSync(key) };
  const agent = new Agent({ ...tls, ca: readFileSync(authority.caFile) });
  assert.is((await stack.request('/metadata', { agent })).status, 403); // trusted, but nobody is registered for it
  await authority.revokeClient('lost-laptop');
  await eventually('the revocation list is in force', async () => {
    const outcome = await refusedHandshake(tls).catch(() => 'answered');
    return /REVOKED|ECONNRESET|EPIPE/.test(outcome);
  });
});

test('tells a stranger with a trusted certificate how to be registered', async () => {
  await stack.system.authority.issueClient('stranger');
  const answer = await stack.request('/Patient/p1', { client: 'stranger' });
  assert.is(answer.status, 403);
  isOutcome(answer);
  assert.match(answer.json.issue[0].diagnostics, /ask the operator to register its SHA-256 [0-9a-f]{64}/);
});

test('takes no identity from headers that a client sends', async () => {
  const forged = {
    'x-fhir-identity': 'v1.k1.e30.AAAA',
    'x-fhir-client': 'ehr-demo',
    'x-forwarded-client-cert': 'Hash=00;URI=spiffe://portcullis.local/client/ehr-demo',
    'x-forwarded-for': '10.0.0.1',
  };
  assert.is((await stack.request('/Patient/p1', { client: 'reader-demo', headers: forged })).status, 200);
  const write = await stack.request('/Patient', { client: 'reader-demo', headers: forged, body: { resourceType: 'Patient' } });
  assert.is(write.status, 403);
});

test('answers 401 to a request straight to the FHIR port', async () => {
  for (const headers of [{}, { 'x-fhir-identity': 'v1.k1.e30.AAAA' }]) {
    const status = await new Promise((resolve, reject) => {
      httpGet(`${stack.system.state.fhirUrl}/Patient/p1`, { headers, agent: false }, (response) =>
        resolve(response.resume().statusCode),
      ).on('error', reject);
    });
    assert.is(status, 401);
  }
});

test('names the scope that is missing, alone and inside a Bundle', async () => {
  const alone = await stack.request('/Patient', { client: 'reader-demo', body: { resourceType: 'Patient' } });
  assert.is(alone.status, 403);
  isOutcome(alone);
  assert.match(alone.json.issue[0].diagnostics, /scope system\/Patient\.c/);
  const entry = { resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } };
  const transaction = await stack.request('', {
    client: 'reader-demo',
    body: { resourceType: 'Bundle', type: 'transaction', entry: [entry] },
  });
  assert.is(transaction.status, 403);
  assert.match(transaction.json.issue[0].diagnostics, /Bundle\.entry\[0\].*scope system\/Patient\.c/);
  const batch = await stack.request('', {
    client: 'reader-demo',
    body: { resourceType: 'Bundle', type: 'batch', entry: [entry, { request: { method: 'GET', url: 'Patient/p1' } }] },
  });
  assert.is(batch.status, 200);
  assert.match(batch.json.entry[0].response.status, /^403/);
  assert.match(batch.json.entry[1].response.status, /^200/);
});

test('a client that is revoked in the registry is refused on its open connection within two seconds', async () => {
  const { configDir } = stack.system.state;
  const file = join(configDir, 'clients.yaml');
  const before = readFileSync(file, 'utf8');
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...stack.tls('reader-demo') });
  const read = (): Promise<number> => stack.request('/Patient/p1', { agent }).then(({ status }) => status);
  try {
    assert.is(await read(), 200);
    writeFileSync(file, before.replace('    tier: reader', '    tier: reader\n    status: revoked'));
    await eventually('revoked', async () => (await read()) === 403, 2000);
    assert.is(Object.values(agent.freeSockets).flat().length, 1, 'it is still the same connection');
    const sql = postgres(stack.system.state.databaseUrl, { max: 1 });
    const [row] =
      await sql`select body::jsonb as event from audit.event where body::jsonb->>'reason' = 'revoked' order by xid desc, seq desc limit 1`;
    await sql.end();
    const { interaction, resource } = row!['event'] as Record<string, unknown>;
    assert.equal([interaction, resource], ['read', 'Patient/p1'], 'the trail says what it was after');
  } finally {
    writeFileSync(file, before);
    await eventually('back', async () => (await read()) === 200, 2000);
    agent.destroy();
  }
});

test('every refusal of a known client is in the audit trail', async () => {
  const sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  try {
    const marker = `trail-${process.pid}`;
    await stack.request(`/Patient/${marker}`, { method: 'DELETE', client: 'reader-demo' });
    const rows = await sql`select body from audit.event where body like ${`%${marker}%`}`;
    assert.is(rows.length, 1);
    const event = JSON.parse(rows[0]!['body'] as string) as Record<string, unknown>;
    assert.equal([event['kind'], event['client'], event['status'], event['reason']], ['deny', 'reader-demo', 403, 'scope']);
    const asked = [
      ['POST', `/Patient/${marker}/$everything`, `Patient/${marker}/$everything`],
      ['POST', '/Medication', 'Medication'],
    ] as const;
    for (const [method, path, address] of asked) {
      const { headers } = await stack.request(path, { method, client: 'reader-demo' });
      const [refused] =
        await sql`select body::jsonb->>'address' as address from audit.event where body::jsonb->>'request' = ${headers['x-request-id'] as string}`;
      assert.is(refused!['address'], address);
    }
  } finally {
    await sql.end();
  }
});

test.run();
