/** Certificate, key and CA of a mounted folder, for mutual TLS between the parts of one installation. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type TLSSocket } from 'node:tls';

const FILES = ['tls.crt', 'tls.key', 'ca.crt'] as const;

export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/** What a server demands of whoever connects, for `https.createServer` and `http2.createSecureServer`, and then for each new context. */
export interface ServerTls extends TlsMaterial {
  readonly requestCert: true;
  readonly rejectUnauthorized: true;
  readonly minVersion: 'TLSv1.3';
}

export interface TlsFolder {
  /** Always the newest good content. */
  readonly current: () => ServerTls;
  /** Calls back whenever the content has changed. */
  readonly onChange: (listener: (tls: ServerTls) => void) => void;
  readonly close: () => void;
}

export interface TlsFolderOptions {
  /** A bad folder is refused and the last good content kept. */
  readonly onError: (error: Error) => void;
  readonly onLoaded?: (certificate: { readonly notAfter: string }) => void;
  readonly pollMs?: number;
}

const load = (dir: string): ServerTls => {
  const [cert, key, ca] = FILES.map((name) => readFileSync(join(dir, name))) as [Buffer, Buffer, Buffer];
  // Half of a change may have been read: certificate and key of different pairs are refused, and read again.
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error(`${dir}: tls.key is not the key of tls.crt: mount both from one Secret`);
  const tls = { cert, key, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' } as const;
  createSecureContext(tls);
  return tls;
};

/** Reads the folder, throws where it is bad, and reads it again whenever it changes, such as by the `..data` swap of a mounted Secret. */
export const openTlsFolder = (dir: string, { onError, onLoaded, pollMs = 1000 }: TlsFolderOptions): TlsFolder => {
  const mark = (): string =>
    FILES.map((name) => {
      const { ino, mtimeNs, size } = statSync(join(dir, name), { bigint: true });
      return `${ino}/${mtimeNs}/${size}`;
    }).join();
  let seen = mark();
  let tls = load(dir);
  const told = (): void => onLoaded?.({ notAfter: new X509Certificate(tls.cert).validTo });
  told();
  const listeners: ((tls: ServerTls) => void)[] = [];
  let failed = '';
  const look = (): void => {
    try {
      const now = mark();
      if (now === seen) return;
      tls = load(dir);
      seen = now;
      failed = '';
      told();
      for (const listener of listeners) listener(tls);
    } catch (error) {
      if (String(error) === failed) return;
      failed = String(error);
      onError(error as Error);
    }
  };
  const timer = setInterval(look, pollMs);
  timer.unref();
  return { current: () => tls, onChange: (listener) => void listeners.push(listener), close: () => clearInterval(timer) };
};

interface SecureServer {
  readonly prependListener: (event: 'secureConnection', listener: (socket: TLSSocket) => void) => unknown;
  readonly setSecureContext: (options: ServerTls) => void;
}

/** Keeps a server's certificates fresh, and lets nobody speak whose certificate hasn't the DNS name `peer`, if one is given. */
export const secure = <T extends SecureServer>(
  server: T,
  folder: TlsFolder,
  { peer, onRefused }: { readonly peer: string | undefined; readonly onRefused: (names: string) => void },
): T => {
  folder.onChange((tls) => server.setSecureContext(tls));
  if (peer !== undefined) {
    // Before the server itself hears of the connection, and before it has read a byte.
    server.prependListener('secureConnection', (socket) => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate?.checkHost(peer, { subject: 'never', wildcards: false }) === peer) return;
      onRefused(certificate?.subjectAltName ?? 'none');
      socket.destroy();
    });
  }
  return server;
};
