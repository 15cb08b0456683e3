import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTlsFolder } from '../../../proto/process/tls.ts';
import { eventually } from '../../support/stack.ts';
import { createTestCa, mountSecret } from '../../support/tls-folder.ts';

test('a swapped folder is read again, a bad one is refused once and the last good content kept', async () => {
  const ca = await createTestCa();
  const [first, second, third] = [await ca.issue('a.test'), await ca.issue('a.test'), await ca.issue('a.test')];
  const secret = mountSecret(first);
  const errors: string[] = [];
  const changes: string[] = [];
  const folder = openTlsFolder(secret.dir, { onError: ({ message }) => errors.push(message), pollMs: 20 });
  folder.onChange(({ cert }) => changes.push(cert.toString()));
  const current = (): string => folder.current().cert.toString();
  try {
    assert.is(current(), first.cert);
    secret.replace(second);
    await eventually('the second', () => current() === second.cert, 5000);
    secret.replace({ ...third, key: first.key });
    await eventually('refused', () => errors.length > 0, 5000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.is(errors.length, 1);
    assert.match(errors[0]!, /tls\.key is not the key of tls\.crt: mount both from one Secret/);
    assert.is(current(), second.cert);
    secret.replace(third);
    await eventually('the third', () => current() === third.cert, 5000);
    assert.equal(changes, [second.cert, third.cert]);
  } finally {
    folder.close();
    secret.remove();
  }
});

test('a folder that is bad at the start is refused', async () => {
  const ca = await createTestCa();
  const secret = mountSecret({ ...(await ca.issue('a.test')), key: 'no key' });
  assert.throws(() => openTlsFolder(secret.dir, { onError: () => undefined }));
  secret.remove();
});

test.run();
