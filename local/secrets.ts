import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSigningKey } from '../fhir/audit/signing-key.ts';
import type { RolePasswords } from './database.ts';

/** What the parts of one machine know each other by. Made once, in files that only their owner reads. */
export interface Secrets {
  /** Of the embedded database's owner. */
  readonly owner: string;
  readonly roles: RolePasswords;
  readonly redis: string;
  readonly identityKeysFile: string;
  readonly signingKeyFile: string;
}

const NAMES = ['redis', 'owner', 'fhir_app', 'gateway_audit', 'audit_relay', 'audit_read'] as const;

const writeOnce = (file: string, make: () => string, mode = 0o600): void => {
  if (existsSync(file)) return;
  writeFileSync(`${file}.new`, make(), { mode });
  renameSync(`${file}.new`, file);
};

/** Opens the secrets of a folder, making those that aren't there; the verifier's key goes to `publicKeyFile`. */
export const openSecrets = (dir: string, publicKeyFile: string): Secrets => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const passwordsFile = join(dir, 'passwords.json');
  const identityKeysFile = join(dir, 'identity.keys');
  const signingKeyFile = join(dir, 'audit-signing.pem');
  const password = (): string => randomBytes(24).toString('hex');
  writeOnce(passwordsFile, () => JSON.stringify(Object.fromEntries(NAMES.map((name) => [name, password()]))));
  writeOnce(identityKeysFile, () => `k1:${randomBytes(32).toString('base64')}\n`);
  if (!existsSync(signingKeyFile)) {
    const { privatePem, verifierKey } = createSigningKey(`portcullis.local/audit/${randomBytes(4).toString('hex')}`);
    writeFileSync(publicKeyFile, `${verifierKey}\n`);
    writeOnce(signingKeyFile, () => privatePem);
  }
  const { redis, owner, ...roles } = JSON.parse(readFileSync(passwordsFile, 'utf8')) as Record<(typeof NAMES)[number], string>;
  return { redis, owner, roles, identityKeysFile, signingKeyFile };
};
