// Sends requests to the edge from a pod and prints what came back: node ask.mjs < {host, port, servername, tls, requests, lanes, isKeeping}
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';

const { host, port, servername, tls, requests, lanes = 1, isKeeping = true } = JSON.parse(await text(process.stdin));
const file = (name) => readFileSync(`${tls}/${name}`);
const trust = { ca: file('ca.crt'), cert: file('tls.crt'), key: file('tls.key'), servername };
const agent = new Agent({ keepAlive: isKeeping, ...trust });

const ask = ({ method = 'GET', path, headers = {}, body }) =>
  new Promise((resolve) => {
    const content = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const asked = request(
      {
        host,
        port,
        method,
        path,
        agent,
        timeout: 20_000,
        headers: { ...(content !== undefined && { 'content-type': 'application/fhir+json' }), ...headers },
      },
      (response) => {
        text(response).then(
          (received) => resolve({ status: response.statusCode, headers: response.headers, body: received }),
          (error) => resolve({ status: 0, error: error.code ?? error.message }),
        );
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('no answer within 20 s')));
    asked.on('error', (error) => resolve({ status: 0, error: error.code ?? error.message }));
    asked.end(content);
  });

// Each lane has one request under way at a time.
const answers = [];
const queue = requests.entries();
await Promise.all(
  Array.from({ length: lanes }, async () => {
    for (const [i, each] of queue) answers[i] = await ask(each);
  }),
);
console.log(JSON.stringify(answers));
process.exit(0);
