import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { test } from 'uvu';
import { createGuardian } from '../../local/guardian.ts';
import { freePorts } from '../../local/ports.ts';
import { startSystem, type System } from '../../local/system.ts';
import { send } from '../support/stack.ts';
import { requireExactlyOneEventEach, requireSealed, underLoad } from '../support/write-load.ts';

test('kill -9 of PostgreSQL and of Valkey under load loses no acknowledged write and no event', async () => {
  const data = mkdtempSync(join(tmpdir(), 'kill-db-'));
  const [port] = await freePorts(1);
  const start = (): Promise<System> => startSystem({ data, port: port!, guardian: createGuardian() });
  let system = await start();
  try {
    const { cert, key } = system.authority.clientFiles('ehr-demo');
    const agent = new Agent({
      keepAlive: true,
      ca: readFileSync(system.authority.caFile),
      cert: readFileSync(cert),
      key: readFileSync(key),
    });
    const create = (resource: object): ReturnType<typeof send> =>
      send(`${system.state.baseUrl}/Basic`, {
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify(resource),
      });
    const valkeyKilled = await underLoad(create, async () => void system.parts.get('valkey')!.kill('SIGKILL'));
    const postgresKilled = await underLoad(
      create,
      async () => {
        // The guard that npm start keeps around it (a user namespace, say) may not be the server itself: ask the server.
        const pid = Number(readFileSync(join(data, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
        process.kill(pid, 'SIGKILL');
        await new Promise((resolve) => setTimeout(resolve, 300));
      },
      { goesOn: false },
    );
    agent.destroy();
    await system.stop();
    system = await start();
    const sql = postgres(system.state.databaseUrl, { max: 1 });
    await requireExactlyOneEventEach(sql, [...valkeyKilled, ...postgresKilled]);
    await requireSealed(sql, system.state.audit);
    await sql.end();
  } finally {
    await system.stop();
    rmSync(data, { recursive: true, force: true });
  }
});

test.run();
