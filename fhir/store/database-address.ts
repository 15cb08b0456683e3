import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

export interface DatabaseConnection {
  /** What postgres.js is given as the URL; a password that isn't in it is PGPASSWORD. */
  readonly address: string;
  /** Of a Unix socket. */
  readonly path?: string;
  readonly ssl?: Pick<ConnectionOptions, 'ca' | 'host'>;
}

/**
 * What of libpq's addresses postgres.js (3.4.9) reads otherwise. A `host=/dir` parameter names the folder of a Unix socket; postgres.js would
 * send it to the server as a setting. `sslmode=verify-full` holds with the CA in DATABASE_CA_FILE, else with those that Node knows, and for
 * an address without a name too, which postgres.js would compare with `localhost`.
 */
export const databaseConnection = (url: string, caFile = process.env['DATABASE_CA_FILE'] || undefined): DatabaseConnection => {
  const parsed = new URL(url);
  const host = parsed.searchParams.get('host');
  if (host?.startsWith('/')) {
    parsed.searchParams.delete('host');
    return { address: parsed.href, path: `${host}/.s.PGSQL.${parsed.port || '5432'}` };
  }
  if (parsed.searchParams.get('sslmode') !== 'verify-full') {
    if (caFile !== undefined)
      throw new Error('DATABASE_CA_FILE is set, but the address of the database asks for no proof of it: add ?sslmode=verify-full');
    return { address: url };
  }
  const name = parsed.hostname.replace(/^\[|\]$/g, '');
  return {
    address: url,
    ssl: { ...(caFile !== undefined && { ca: readFileSync(caFile) }), ...(isIP(name) !== 0 && { host: name }) },
  };
};
