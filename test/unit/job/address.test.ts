import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { classify } from '../../../proto/access/interaction.ts';
import { neededScopes } from '../../../proto/access/scope.ts';

const ID = 'a3c7a1f0-0000-4000-8000-000000000001';

const CASES: Readonly<Record<string, object | undefined>> = {
  [`GET /$export/${ID}`]: { interaction: 'job-status', class: 'read', operation: '$export', job: { id: ID } },
  [`HEAD /$export/${ID}`]: { interaction: 'job-status', class: 'read', operation: '$export', job: { id: ID } },
  [`DELETE /$export/${ID}`]: { interaction: 'job-cancel', class: 'operation', operation: '$export', job: { id: ID } },
  [`GET /$export/${ID}/Patient-0001.ndjson`]: {
    interaction: 'job-file',
    class: 'read',
    operation: '$export',
    job: { id: ID, file: 'Patient-0001.ndjson' },
  },
  [`GET /$import/${ID}`]: { interaction: 'job-status', class: 'read', operation: '$import', job: { id: ID } },
  [`GET /$async/${ID}`]: { interaction: 'job-status', class: 'read', operation: undefined, job: { id: ID } },
  [`DELETE /$async/${ID}`]: { interaction: 'job-cancel', class: 'operation', operation: undefined, job: { id: ID } },
  [`POST /$export/${ID}`]: undefined,
  [`PUT /$export/${ID}`]: undefined,
  [`DELETE /$export/${ID}/Patient-0001.ndjson`]: undefined,
  [`GET /$everything/${ID}`]: undefined,
  [`GET /metadata/${ID}`]: undefined,
  [`GET /$export/${ID}/a/b`]: undefined,
  'GET /$export/..': { interaction: 'job-status', class: 'read', operation: '$export', job: { id: '..' } },
  [`GET /$export/${ID}/..`]: undefined,
  [`GET /$export/${ID}/.hidden`]: undefined,
  [`GET /$export/${ID}/a%2Fb`]: undefined,
  'GET /$export/a b': undefined,
  'GET /$export': { interaction: 'operation', class: 'bulk', operation: '$export' },
  'POST /$import': { interaction: 'operation', class: 'bulk', operation: '$import' },
};
for (const [asked, expected] of Object.entries(CASES)) {
  test(`${asked} is ${expected === undefined ? 'nothing' : (expected as { interaction: string }).interaction}`, () => {
    const space = asked.indexOf(' ');
    assert.equal(classify(asked.slice(0, space), asked.slice(space + 1)), expected);
  });
}

test('jobs need no scope: they are for who began them, and by name of the operation', () => {
  assert.equal(neededScopes({ interaction: 'job-file' }), []);
});

test.run();
