/**
 * A real Chromium for tests, with no package of the machine's: npm brings the browser and the libraries that a bare Debian lacks
 * (@sparticuz/chromium, x64 only), and playwright-core drives it.
 *
 * A client certificate would have to be put into the browser's NSS database; instead the browser speaks plain HTTP to a small proxy in this
 * process, which presents the certificate to the real Envoy. Everything else is as it is: the proxy changes no header and no byte.
 */
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflate } from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';
import type { Stack } from './stack.ts';

/** Whether there is one; BROWSER_BIN names another, for a machine that isn't x64. */
export const hasBrowser = process.env['BROWSER_BIN'] !== undefined || process.arch === 'x64';

export const startBrowser = async (): Promise<Browser> => {
  const given = process.env['BROWSER_BIN'];
  if (given !== undefined) return chromium.launch({ executablePath: given, args: ARGS });
  const packed = fileURLToPath(new URL('../bin/', import.meta.resolve('@sparticuz/chromium')));
  const unpacked = await Promise.all(['chromium.br', 'al2023.tar.br', 'fonts.tar.br'].map((name) => inflate(join(packed, name))));
  const [executablePath, libraries, fonts] = unpacked as [string, string, string];
  // The package's own fonts.conf looks in /tmp/fonts whatever TMPDIR is; without a font no text has a size, and nothing is visible.
  const fontconfig = join(fonts, 'portcullis.conf');
  await writeFile(fontconfig, `<fontconfig><dir>${fonts}</dir><cachedir>${join(fonts, 'cache')}</cachedir></fontconfig>`);
  return chromium.launch({
    executablePath,
    args: ARGS,
    // Nothing of this machine's environment: what the browser needs must be in the packages.
    env: { LD_LIBRARY_PATH: join(libraries, 'lib'), FONTCONFIG_FILE: fontconfig, HOME: tmpdir(), TMPDIR: tmpdir() },
  });
};

// Without a sandbox of its own, since tests run as root in containers.
const ARGS = ['--no-sandbox', '--no-zygote', '--disable-gpu'];

export interface ClientProxy {
  /** The FHIR base behind the proxy, by plain HTTP. */
  readonly baseUrl: string;
  readonly close: () => Promise<void>;
}

/** Passes what a browser asks on to the stack, as a client with its certificate. */
export const startClientProxy = async (stack: Stack, client: string): Promise<ClientProxy> => {
  const base = new URL(stack.system.state.baseUrl);
  const agent = new Agent({ keepAlive: true, ...stack.tls(client) });
  const server: Server = createServer((incoming, outgoing) => {
    const onward = request(
      {
        agent,
        host: base.hostname,
        port: base.port,
        method: incoming.method,
        path: incoming.url,
        headers: { ...incoming.headers, host: base.host },
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.rawHeaders);
        answer.pipe(outgoing);
      },
    );
    onward.on('error', (error) => outgoing.destroy(error));
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base.pathname}`,
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
