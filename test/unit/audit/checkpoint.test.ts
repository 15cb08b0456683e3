import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCheckpoint, signCheckpoint } from '../../../fhir/audit/checkpoint.ts';
import { createSigningKey, parseSigningKey, parseVerifierKey } from '../../../fhir/audit/signing-key.ts';

const { privatePem, verifierKey } = createSigningKey('log.example/audit');
const signingKey = parseSigningKey(privatePem);
const key = parseVerifierKey(verifierKey);
const checkpoint = { origin: 'log.example/audit', size: 42, root: Buffer.alloc(32, 7), time: '2026-11-24T12:00:00.000Z' };

test('a signed checkpoint opens with the public key and says what was signed', () => {
  const note = signCheckpoint(checkpoint, signingKey);
  assert.equal(openCheckpoint(note, key), { ...checkpoint, note });
  assert.match(
    note,
    /^log\.example\/audit\n42\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\ntime 2026-11-24T12:00:00\.000Z\n\n— log\.example\/audit \S+\n$/,
  );
});

test('no single changed byte of a checkpoint goes unnoticed', () => {
  const note = Buffer.from(signCheckpoint(checkpoint, signingKey));
  for (let i = 0; i < note.length; i++) {
    const changed = Buffer.from(note);
    changed[i]! ^= 1;
    assert.throws(() => openCheckpoint(changed.toString(), key), undefined, `byte ${i}`);
  }
});

test('refuses the signature of another key, even one of the same name', () => {
  const other = parseSigningKey(createSigningKey('log.example/audit').privatePem);
  assert.throws(() => openCheckpoint(signCheckpoint(checkpoint, other), key), /not signed by/);
});

test('reads the verifier key of the signed-note specification', () => {
  const parsed = parseVerifierKey('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
  assert.is(parsed.name, 'PeterNeumann');
});

test('refuses a verifier key with a changed letter', () => {
  assert.throws(() => parseVerifierKey(verifierKey.replace(/.$/, (letter) => (letter === 'A' ? 'B' : 'A'))), /damaged|no Ed25519/);
});

test.run();
