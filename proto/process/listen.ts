import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

/** The path of a `unix:/path` address, undefined for host:port. */
export const socketPath = (listen: string): string | undefined =>
  listen.startsWith('unix:') ? listen.slice('unix:'.length).replace(/^\/\/(?=\/)/, '') : undefined;

/** The host and port of `host:port`, with `[::1]:port` for IPv6. */
export const hostAndPort = (listen: string): { host: string; port: number } => {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(listen) ?? [];
  if (host === undefined || port === undefined) throw new Error(`${listen} is no address: give unix:/path or host:port`);
  return { host, port: Number(port) };
};

/** Removes a socket that a killed process left behind; throws where somebody still listens on it or it is no socket. */
export const removeStaleSocket = async (path: string): Promise<void> => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} is there and is no socket: remove it or listen elsewhere`);
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (alive) throw new Error(`${path} is in use: another process listens on it`);
  unlinkSync(path);
};
