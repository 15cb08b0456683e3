/**
 * The key that signs checkpoints, and its public half in the form of C2SP signed notes:
 * `<name>+<key hash>+<base64 of algorithm byte and key>`. Source: https://c2sp.org/signed-note
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

const ED25519 = 1;
const NAME = /^[^\s+]{1,200}$/;

/** First four bytes of SHA-256 over name, line feed, algorithm and key. */
const keyHash = (name: string, key: Buffer): Buffer => createHash('sha256').update(`${name}\n`).update(key).digest().subarray(0, 4);

const rawPublicKey = (key: KeyObject): Buffer => Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x!, 'base64url');

export interface SigningKey {
  readonly name: string;
  readonly hash: Buffer;
  readonly key: KeyObject;
}

const algorithmAndKey = (key: KeyObject): Buffer => Buffer.concat([Buffer.from([ED25519]), rawPublicKey(key)]);

/** A new key; the PEM carries the name in its first line. */
export const createSigningKey = (name: string): { readonly privatePem: string; readonly verifierKey: string } => {
  if (!NAME.test(name)) throw new Error(`"${name}" can't name a key: no spaces and no plus sign`);
  const { privateKey } = generateKeyPairSync('ed25519');
  return {
    privatePem: `# ${name}\n${privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()}`,
    verifierKey: verifierKeyOf(name, privateKey),
  };
};

/** What an auditor needs of a key: its public half, private or public as it is given. */
export const verifierKeyOf = (name: string, key: KeyObject): string => {
  const encoded = algorithmAndKey(key);
  return `${name}+${keyHash(name, encoded).toString('hex')}+${encoded.toString('base64')}`;
};

/** Reads what {@link createSigningKey} made; throws where it is no Ed25519 key. */
export const parseSigningKey = (pem: string): SigningKey => {
  const name = /^# (\S+)$/m.exec(pem)?.[1];
  if (name === undefined || !NAME.test(name)) throw new Error('the signing key has no name: its first line is "# name"');
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('the signing key is no Ed25519 key');
  return { name, hash: keyHash(name, algorithmAndKey(key)), key };
};

/** Reads a verifier key; throws where its parts don't fit together. */
export const parseVerifierKey = (text: string): SigningKey => {
  // Base64 may hold plus signs of its own.
  const [, name, hash, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || bytes.length !== 33 || bytes[0] !== ED25519) {
    throw new Error('this is no Ed25519 verifier key: it reads name+hash+key');
  }
  if (keyHash(name, bytes).toString('hex') !== hash) throw new Error('the verifier key is damaged: its hash does not fit');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(1).toString('base64url') }, format: 'jwk' });
  return { name, hash: keyHash(name, bytes), key };
};
