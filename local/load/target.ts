import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadArguments } from './arguments.ts';

/** The server to load into and the certificate to show it. */
export interface Target {
  /** FHIR base URL without a slash at its end. */
  readonly base: string;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

const fileOf = (path: string, what: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(
      `couldn't read ${what} ${path}: ${(cause as NodeJS.ErrnoException).code}; start the system with npm start, or name it`,
      { cause },
    );
  }
};

const baseOf = ({ base, data }: LoadArguments): string => {
  const text = base ?? (JSON.parse(fileOf(join(data, 'state.json'), 'the state file').toString()) as { baseUrl: string }).baseUrl;
  if (!URL.canParse(text) || new URL(text).protocol !== 'https:') throw new Error(`the base URL must be an https one, not ${text}`);
  return text.replace(/\/+$/, '');
};

/** Resolves the target: what the command line leaves out is what `npm start` left in the data folder. */
export const targetOf = (options: LoadArguments): Target => {
  const client = join(options.data, 'pki', 'clients', 'ehr-demo');
  return {
    base: baseOf(options),
    cert: fileOf(options.cert ?? `${client}.crt`, 'the client certificate'),
    key: fileOf(options.key ?? `${client}.key`, 'its key'),
    ca: fileOf(options.ca ?? join(options.data, 'pki', 'ca.crt'), "the server's CA"),
  };
};
