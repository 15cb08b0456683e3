/** The keys that sign and verify identities: a mounted file with one `kid:base64 of 32 bytes` a line. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

export interface IdentityKey {
  readonly kid: string;
  readonly secret: KeyObject;
}

/** The first signs, all verify: to rotate, add the new key last, then move it to the front, then drop the old one. */
export type IdentityKeys = readonly [IdentityKey, ...IdentityKey[]];

const LINE = /^([A-Za-z0-9_-]{1,64}):([A-Za-z0-9+/]{43}=)$/;

/** Throws an Error with file and line, and never with the key. */
export const parseIdentityKeys = (text: string, file: string): IdentityKeys => {
  const keys: IdentityKey[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, kid, secret] = LINE.exec(line) ?? [];
    if (kid === undefined || secret === undefined) throw new Error(`${file}:${index + 1}: write <key id>:<base64 of 32 random bytes>`);
    if (keys.some((key) => key.kid === kid)) throw new Error(`${file}:${index + 1}: key id ${kid} is there twice`);
    keys.push({ kid, secret: createSecretKey(Buffer.from(secret, 'base64')) });
  }
  const [first, ...others] = keys;
  if (first === undefined) throw new Error(`${file}: no key: write one line <key id>:<base64 of 32 random bytes>`);
  return [first, ...others];
};

export interface IdentityKeyFile {
  /** Always the newest good content. */
  readonly current: () => IdentityKeys;
  readonly close: () => void;
}

export interface IdentityKeyFileOptions {
  readonly pollMs?: number;
  /** A bad file is refused and the last good one kept. */
  readonly onError?: (error: Error) => void;
  readonly onChange?: (keys: IdentityKeys) => void;
}

/** Reads the file, throws where it is bad, and reads it again whenever it changes. */
export const openIdentityKeys = (file: string, { pollMs = 1000, onError, onChange }: IdentityKeyFileOptions = {}): IdentityKeyFile => {
  // A mounted secret changes by a symlink swap, which a watch on the file misses; inode and time follow the link.
  const mark = (): string => {
    const { ino, mtimeMs, size } = statSync(file);
    return `${ino}/${mtimeMs}/${size}`;
  };
  let seen = mark();
  let keys = parseIdentityKeys(readFileSync(file, 'utf8'), file);
  const look = (): void => {
    try {
      const now = mark();
      if (now === seen) return;
      seen = now;
      keys = parseIdentityKeys(readFileSync(file, 'utf8'), file);
      onChange?.(keys);
    } catch (error) {
      onError?.(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const timer = setInterval(look, pollMs);
  timer.unref();
  return { current: () => keys, close: () => clearInterval(timer) };
};
