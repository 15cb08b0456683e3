import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Guardian } from './guardian.ts';
import { type RunningProcess, startProcess, waitUntil } from './processes.ts';
import { valkeyBinary } from './toolchain.ts';
import { valkeyConfig } from './valkey-config.ts';

export interface ValkeyOptions {
  /** Holds its configuration and the snapshot of the counters. */
  readonly dir: string;
  readonly port: number;
  readonly log: string;
  readonly password: string;
  readonly guardian?: Guardian | undefined;
}

export interface Valkey {
  readonly process: RunningProcess;
  readonly url: string;
}

/** True once it answers PING; false while it loads its snapshot or doesn't listen yet. */
const answers = (port: number, password: string): Promise<boolean> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    const settle = (value: boolean): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(1000, () => settle(false));
    socket.on('error', () => settle(false));
    socket.on('data', (data) => {
      answer += data.toString();
      if (answer.includes('+PONG')) settle(true);
      else if (answer.split('\r\n').length > 2) settle(false);
    });
  });

/** Starts the server on 127.0.0.1 and waits until it answers. */
export const startValkey = async ({ dir, port, log, password, guardian }: ValkeyOptions): Promise<Valkey> => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const config = join(dir, 'valkey.conf');
  writeFileSync(config, valkeyConfig({ bind: '127.0.0.1', port, password, dir }), { mode: 0o600 });
  const running = await startProcess({
    name: 'valkey',
    command: valkeyBinary(),
    args: [config],
    log,
    ...(guardian === undefined ? {} : { guardian }),
  });
  try {
    await waitUntil(running, () => answers(port, password));
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { process: running, url: `redis://:${password}@127.0.0.1:${port}/0` };
};
