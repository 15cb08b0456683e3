/** The system that is asked, started for it. */
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { createGuardian } from '../../local/guardian.ts';
import { freePorts } from '../../local/ports.ts';
import { startSystem } from '../../local/system.ts';
import { send as sendTo } from '../support/stack.ts';
import type { Send } from './runner.ts';

export interface Target {
  readonly baseUrl: string;
  /** Paths of PEM files of a client that may do everything. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** A path after the base, or a whole address of this server. */
  readonly send: Send;
  readonly stop: () => Promise<void>;
}

export const openTarget = async (data: string): Promise<Target> => {
  const [port] = await freePorts(1);
  const system = await startSystem({ data, port: port!, guardian: createGuardian() });
  const { baseUrl } = system.state;
  const filesOf = (client: string): Target['tls'] => ({ ca: system.authority.caFile, ...system.authority.clientFiles(client) });
  const agents = new Map<string, Agent>();
  const agentOf = (client: string): Agent => {
    let agent = agents.get(client);
    if (agent === undefined) {
      const { ca, cert, key } = filesOf(client);
      const [caPem, certPem, keyPem] = [ca, cert, key].map((path) => readFileSync(path));
      agents.set(client, (agent = new Agent({ keepAlive: true, ca: caPem!, cert: certPem!, key: keyPem! })));
    }
    return agent;
  };
  return {
    baseUrl,
    tls: filesOf('ehr-demo'),
    send: (path, { method = 'GET', client = 'ehr-demo', headers = {}, body }) =>
      sendTo(path === '' || path.startsWith('/') ? `${baseUrl}${path}` : path, {
        method,
        agent: agentOf(client ?? 'ehr-demo'),
        headers: { ...(body !== undefined && { 'content-type': 'application/fhir+json' }), ...headers },
        body: body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      }),
    stop: async () => {
      for (const agent of agents.values()) agent.destroy();
      await system.stop();
    },
  };
};
