import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addressFault } from '../../../proto/access/interaction.ts';

const LONG = 'a'.repeat(65);
const cases: readonly (readonly [method: string, path: string, status: 404 | 400, says?: RegExp])[] = [
  ['GET', '/Patient/a_b', 404, /"a_b" is no id/],
  ['HEAD', '/Patient/a_b', 404, /"a_b" is no id/],
  ['PUT', '/Patient/a_b', 400, /"a_b" is no id/],
  ['DELETE', '/Patient/a_b', 400, /"a_b" is no id/],
  ['GET', '/Patient/a_b/Observation', 404, /"a_b" is no id/],
  ['GET', `/Patient/${LONG}`, 400, /is no id/],
  ['PUT', '/Patient/a%20b', 400, /"a b" is no id/],
  ['GET', '/Patient/$no_operation', 404],
  ['GET', '/Patient/_nothing', 404],
  ['GET', '/Patient/1/x/y/z', 404],
  ['GET', '/Patient/%zz', 400],
];

for (const [method, path, status, says] of cases) {
  test(`${method} ${path.slice(0, 40)} is ${status}${says === undefined ? '' : ', and says why'}`, () => {
    const fault = addressFault(method, path);
    assert.is(fault.isMissing ? 404 : 400, status);
    if (says === undefined) assert.is(fault.says, undefined);
    else assert.match(fault.says!, says);
  });
}

test('what is below no base is malformed', () => {
  assert.equal(addressFault('GET', undefined), { isMissing: false });
});

test.run();
