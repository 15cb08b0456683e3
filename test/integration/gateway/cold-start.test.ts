/** Gateways that have just started count together from their first request on. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, credentials, type MethodDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../../local/ports.ts';
import { type Part, startPart } from '../../support/part.ts';
import { startValkey, type TestValkey } from '../../support/valkey.ts';

const LIMIT = 24;
const GATEWAYS = 3;

const { path, requestSerialize, responseDeserialize } = (
  loadSync('envoy/service/ratelimit/v3/rls.proto', {
    includeDirs: [fileURLToPath(new URL('../../../proto/', import.meta.url))],
    keepCase: true,
    enums: String,
  })['envoy.service.ratelimit.v3.RateLimitService'] as unknown as Record<string, MethodDefinition<object, { overall_code: string }>>
)['ShouldRateLimit']!;

let valkey: TestValkey;
let dir: string;
test.before(async () => {
  valkey = await startValkey();
  dir = mkdtempSync(join(tmpdir(), 'cold-'));
  writeFileSync(join(dir, 'identity.keys'), `k1:${randomBytes(32).toString('base64')}\n`);
});
test.after(async () => {
  await valkey.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A config whose only quota has a name of its own, so that nobody has counted by it before. */
const configOf = (round: number): string => {
  const quota = `cold-${process.pid}-${round}`;
  writeFileSync(
    join(dir, 'clients.yaml'),
    `clients:\n  - id: cold\n    certificates:\n      - spiffe: spiffe://test/cold\n    tier: cold\n    scopes: [system/*.rs]\n`,
  );
  writeFileSync(join(dir, 'quotas.yaml'), `quotas:\n  - name: ${quota}\n    tier: cold\n    limit: ${LIMIT}\n    per: hour\n`);
  return dir;
};

const askAll = async (addresses: readonly string[], times: number): Promise<string[]> => {
  const clients = addresses.map((address) => new Client(address, credentials.createInsecure()));
  const request = {
    domain: 'fhir',
    descriptors: [
      {
        entries: [
          { key: 'client', value: 'cold' },
          { key: 'class', value: 'read' },
        ],
      },
    ],
  };
  const ask = (client: Client): Promise<string> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) =>
        error ? reject(error) : resolve(answer!.overall_code),
      );
    });
  try {
    return await Promise.all(Array.from({ length: times }, (_, i) => ask(clients[i % clients.length]!)));
  } finally {
    for (const client of clients) client.close();
  }
};

test(`of 72 requests at once to three gateways that have just started exactly ${LIMIT} are let through`, async () => {
  for (let round = 0; round < 3; round++) {
    const config = configOf(round);
    const addresses = (await freePorts(GATEWAYS)).map((port) => `127.0.0.1:${port}`);
    const gateways: Part[] = await Promise.all(
      addresses.map((address) =>
        startPart('gateway/main.ts', {
          REDIS_URL: valkey.url,
          GATEWAY_CONFIG_DIR: config,
          IDENTITY_KEYS_FILE: join(dir, 'identity.keys'),
          GATEWAY_LISTEN: address,
        }),
      ),
    );
    try {
      const codes = await askAll(addresses, 72);
      assert.is(codes.filter((code) => code === 'OK').length, LIMIT, `round ${round}: ${codes.join(' ')}`);
    } finally {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
    }
  }
});

test.run();
