import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { notModifiedSince, parseIfMatch } from '../../../fhir/http/preconditions.ts';

const UPDATED = Date.UTC(2026, 10, 6, 8, 49, 37, 500);

for (const date of ['Fri, 06 Nov 2026 08:49:37 GMT', 'Friday, 06-Nov-26 08:49:37 GMT', 'Fri Nov  6 08:49:37 2026']) {
  test(`If-Modified-Since takes each form of an HTTP-date: ${date}`, () => {
    assert.is(notModifiedSince(date, UPDATED), true);
    assert.is(notModifiedSince(date, UPDATED + 1000), false);
  });
}

for (const date of [undefined, '', 'garbage', 'garbage 2099', '2099', '2099-01-01T00:00:00Z', 'Thu, 01 Jan 2099 00:00:00']) {
  test(`If-Modified-Since counts as absent where it is no HTTP-date: ${date}`, () => assert.is(notModifiedSince(date, UPDATED), false));
}

test('If-Match takes ETags, weak or strong, and a bare version as in an example of R4', () => {
  assert.equal(parseIfMatch('W/"3", "4",5'), [3, 4, 5]);
  assert.is(parseIfMatch(' * '), '*');
  for (const header of ['', 'W/3', '3"', '-1', '3.0', 'W/"x"', '1234567890'])
    assert.throws(() => parseIfMatch(header), /is no version/, header);
});

test.run();
