// What helm test runs inside of the cluster, through the Envoy Service: node edge-test.mjs metadata | mtls-refused | quota
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';

const { TEST_HOST, TEST_PORT, TEST_SERVER_NAME, TEST_QUOTA } = process.env;
const read = (path) => (existsSync(path) ? readFileSync(path) : undefined);
const trust = { ca: read('/run/secrets/edge/ca.crt'), servername: TEST_SERVER_NAME };
const client = { cert: read('/run/secrets/client/tls.crt'), key: read('/run/secrets/client/tls.key') };

const get = (path, credentials) =>
  new Promise((resolve, reject) => {
    const asked = request(
      { host: TEST_HOST, port: Number(TEST_PORT), path, ...trust, ...credentials, agent: false, timeout: 10_000 },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: JSON.parse(body) }));
        response.on('error', reject);
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('no answer within 10 s')));
    asked.on('error', reject);
    asked.end();
  });

const expect = (holds, what, seen) => {
  if (holds) return console.log(`ok: ${what}`);
  console.error(`failed: ${what}; seen: ${JSON.stringify(seen)?.slice(0, 500)}`);
  process.exit(1);
};

const tests = {
  metadata: async () => {
    const { status, body } = await get('/fhir/metadata', client);
    expect(status === 200 && body.resourceType === 'CapabilityStatement', '/fhir/metadata answers with a CapabilityStatement', {
      status,
      body,
    });
    expect(body.fhirVersion === '4.0.1', 'which is of FHIR 4.0.1', body.fhirVersion);
  },
  'mtls-refused': async () => {
    const refusal = await get('/fhir/metadata', {}).then(
      ({ status }) => ({ status }),
      (error) => ({ code: error.code, message: error.message }),
    );
    expect(
      refusal.status === undefined &&
        /certificate_required|CERTIFICATE_REQUIRED|ECONNRESET|SSL/i.test(`${refusal.code} ${refusal.message}`),
      'without a certificate the handshake fails',
      refusal,
    );
  },
  quota: async () => {
    const seen = [];
    for (let i = 0; i <= Number(TEST_QUOTA) && seen.at(-1)?.status !== 429; i++) seen.push(await get('/fhir/Patient?_count=1', client));
    const { status, headers, body } = seen.at(-1);
    expect(
      status === 429,
      `at the latest request ${Number(TEST_QUOTA) + 1} of a minute is refused with 429`,
      seen.map((each) => each.status),
    );
    expect(body.resourceType === 'OperationOutcome' && Number(headers['retry-after']) > 0, 'with an OperationOutcome and Retry-After', {
      headers,
      body,
    });
    expect(
      seen.slice(0, -1).every((each) => each.status === 200),
      'those before were answered',
      seen.map((each) => each.status),
    );
  },
};

await tests[process.argv[2]]();
