/** A signed statement of the log's size and root. Source: https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note */
import { sign, verify } from 'node:crypto';
import type { SigningKey } from './signing-key.ts';

export interface Checkpoint {
  /** Of the log: the name of the key that signs it. */
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
  /** ISO 8601, an extension line: an idle log says so again and again, so that silence is provable. */
  readonly time: string;
}

/** A checkpoint whose signature holds, with its exact text. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: string;
}

const bodyOf = ({ origin, size, root, time }: Checkpoint): string => `${origin}\n${size}\n${root.toString('base64')}\ntime ${time}\n`;

export const signCheckpoint = (checkpoint: Checkpoint, { name, hash, key }: SigningKey): string => {
  const body = bodyOf(checkpoint);
  const signature = Buffer.concat([hash, sign(null, Buffer.from(body), key)]).toString('base64');
  return `${body}\n— ${name} ${signature}\n`;
};

const NOTE = /^((\S+)\n(0|[1-9]\d*)\n([A-Za-z0-9+/]{43}=)\n(?:time (\S+)\n)?(?:[^\n]+\n)*)\n((?:— \S+ \S+\n)+)$/;

/** The checkpoint of a note; throws unless the verifier's key has signed it. */
export const openCheckpoint = (note: string, { name, hash, key }: SigningKey): SignedCheckpoint => {
  const [, body, origin, size, root, time, signatures] = NOTE.exec(note) ?? [];
  if (body === undefined || origin === undefined || size === undefined || root === undefined || signatures === undefined) {
    throw new Error('it is no checkpoint');
  }
  const isSigned = signatures.split('\n').some((line) => {
    const [dash, signer, encoded] = line.split(' ');
    if (dash !== '—' || signer !== name || encoded === undefined) return false;
    const bytes = Buffer.from(encoded, 'base64');
    // Base64 has spare bits: one text for one signature.
    if (bytes.toString('base64') !== encoded) return false;
    return bytes.subarray(0, 4).equals(hash) && verify(null, Buffer.from(body), key, bytes.subarray(4));
  });
  if (!isSigned) throw new Error(`it is not signed by ${name}`);
  if (origin !== name) throw new Error(`it is of another log, ${origin}`);
  return { origin, size: Number(size), root: Buffer.from(root, 'base64'), time: time ?? '', note };
};
