import { randomBytes } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { signedIdentity } from '../../../fhir/http/identity.ts';
import type { FhirError } from '../../../fhir/http/outcome.ts';
import { signIdentity } from '../../../proto/access/identity.ts';
import { parseIdentityKeys } from '../../../proto/access/identity-keys.ts';

const keysOf = (): ReturnType<typeof parseIdentityKeys> => parseIdentityKeys(`k1:${randomBytes(32).toString('base64')}`, 'keys');
const keys = keysOf();
const now = Math.floor(Date.now() / 1000);
const sworn = (iat: number, by = keys): string =>
  signIdentity({ sub: 'ehr', scp: 'system/*.rs', ops: [], fpr: '', pol: '', rid: 'r', iat, exp: iat + 20 }, by[0]);

test('who the gateway has sworn for is believed', () => {
  assert.is(signedIdentity(() => keys, assert.unreachable)(() => sworn(now)).client, 'ehr');
});

for (const [what, header, status] of [
  ['nothing', undefined, 401],
  ['what somebody else has signed', sworn(now, keysOf()), 401],
  ['what somebody has changed', sworn(now).replace('.', '.x'), 401],
  ['what is too old, and signed by somebody else', sworn(now - 21, keysOf()), 401],
  ['what the gateway has sworn too long ago', sworn(now - 21), 503],
  ['what the gateway will have sworn', sworn(now + 60), 503],
] as const)
  test(`${what} is refused with ${status}`, () => {
    const refused: string[] = [];
    assert.throws(
      () =>
        signedIdentity(
          () => keys,
          (reason) => refused.push(reason),
        )(() => header),
      (error: FhirError) => error.status === status && (error.headers['retry-after'] === '1') === (status === 503),
    );
    assert.is(refused.length, 1);
  });

test.run();
