/** Ends a process of a container at once, without a word to anybody: no drain, no closed door. */
import { NODE } from './client-pod.ts';
import { tryRun } from './command.ts';
import type { Component, Pod, Release } from './release.ts';

/**
 * The kernel keeps SIGKILL from whoever is process 1 of its own container, so that it is asked through Node's inspector, which SIGUSR1
 * opens on the pod's loopback. Envoy quits by its administration socket.
 */
const NODE_SCRIPT = `
process.kill(1, 'SIGUSR1');
const nap = (ms) => new Promise((done) => setTimeout(done, ms));
(async () => {
  let url;
  for (let i = 0; i < 50 && url === undefined; i++) {
    await nap(100);
    url = await fetch('http://127.0.0.1:9229/json/list').then((r) => r.json()).then(([first]) => first?.webSocketDebuggerUrl, () => undefined);
  }
  const socket = new WebSocket(url);
  // A process that ends waits for its debugger to go: it ends when this one has gone.
  const expression = 'setTimeout(() => process.reallyExit(137), 500)';
  socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } }));
  socket.onmessage = () => socket.close();
  socket.onclose = socket.onerror = () => process.exit(0);
  await nap(5000);
  process.exit(3);
})();
`;
const ENVOY_SCRIPT = `
const { request } = require('node:http');
const asked = request({ socketPath: '/run/envoy/admin.sock', method: 'POST', path: '/quitquitquit' }, () => process.exit(0));
asked.on('error', () => process.exit(3));
asked.end();
`;

export const crash = async ({ space }: Release, component: Component, { name }: Pod): Promise<void> => {
  // The container takes this helper with it: how it ends says nothing, and some runtimes tell kubectl a minute late.
  const script = component === 'envoy' ? ENVOY_SCRIPT : NODE_SCRIPT;
  await tryRun('kubectl', ['-n', space.name, 'exec', name, '-c', component, '--', NODE, '-e', script], { limitMs: 8000 });
};

/** Asks for a pod's eviction, which its budget may refuse; throws where it does. */
export const evict = async ({ space }: Release, { name }: Pod): Promise<void> => {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: space.name } };
  await space.kubectl(['create', '--raw', `/api/v1/namespaces/${space.name}/pods/${name}/eviction`, '-f', '-'], JSON.stringify(body));
};
