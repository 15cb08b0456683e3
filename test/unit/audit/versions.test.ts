import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eventLine } from '../../../fhir/audit/bucket-format.ts';
import { createVersionCheck } from '../../../fhir/audit/verify/versions.ts';
import { anEvent, aWrite } from '../../support/audit-events.ts';

const recorded = '2026-11-24T13:55:15.123456Z';
const line = (body: string): string => eventLine(0, { xid: '1', seq: 1, recorded, body });

const check = (...bodies: string[]) => {
  const versions = createVersionCheck();
  const problems = bodies.flatMap((body) => versions.add(line(body), recorded) ?? []);
  return { problems, gaps: versions.gaps().map(({ resource, missing }) => `${resource} ${missing}`) };
};

test('takes versions in any order when none is missing', () => {
  assert.equal(check(aWrite('A/1', 3), aWrite('A/1', 1), aWrite('B/1', 1), aWrite('A/1', 2)), { problems: [], gaps: [] });
});

test('names the version that has no event', () => {
  assert.equal(check(aWrite('A/1', 1), aWrite('A/1', 3)), { problems: [], gaps: ['A/1 2'] });
  assert.equal(check(aWrite('A/1', 2)), { problems: [], gaps: ['A/1 1'] });
});

test('names a version that has two events, early or late', () => {
  assert.equal(check(aWrite('A/1', 1), aWrite('A/1', 1)).problems, ['version 1 of A/1 has two events']);
  assert.equal(check(aWrite('A/1', 3), aWrite('A/1', 3)).problems, ['version 3 of A/1 has two events']);
});

test('counts neither reads of a version nor writes that were refused', () => {
  const read = anEvent({ version: 5 });
  const refused = anEvent({ kind: 'write', outcome: 4, status: 412, version: 9 });
  assert.equal(check(read, refused, aWrite('A/1', 1)), { problems: [], gaps: [] });
});

test.run();
