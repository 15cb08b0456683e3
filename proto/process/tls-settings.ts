import type { EnvReader } from './env.ts';
import type { Logger } from './log.ts';
import { openTlsFolder, type TlsFolder } from './tls.ts';

export interface TlsSettings {
  readonly folder: TlsFolder;
  readonly peer: string | undefined;
  readonly onRefused: (names: string) => void;
}

/** TLS_DIR and TLS_PEER; undefined where TLS_DIR is not set. */
export const tlsFromEnv = (env: EnvReader, log: Pick<Logger, 'info' | 'warn' | 'error'>): TlsSettings | undefined => {
  const dir = env.optional('TLS_DIR');
  const peer = env.optional('TLS_PEER');
  if (dir === undefined) {
    if (peer !== undefined) throw new Error('TLS_PEER is set without TLS_DIR: give the folder with tls.crt, tls.key and ca.crt');
    return undefined;
  }
  return {
    folder: openTlsFolder(dir, {
      onLoaded: ({ notAfter }) => log.info({ notAfter }, 'certificate loaded'),
      onError: (err) => log.error({ err }, 'certificates refused, the former ones stay'),
    }),
    peer,
    onRefused: (names) => log.warn({ names, peer }, 'a certificate without the name of TLS_PEER was refused'),
  };
};
