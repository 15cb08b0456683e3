import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withIdAndMeta } from '../../../fhir/json/splice.ts';

const STAMP = { id: 'x1', versionId: '2', lastUpdated: '2026-01-02T03:04:05.678Z' };
const META = '"versionId":"2","lastUpdated":"2026-01-02T03:04:05.678Z"';

const CASES: Readonly<Record<string, readonly [given: string, stamped: string]>> = {
  'puts both after resourceType': ['{"resourceType":"A","v":1.10}', `{"resourceType":"A","id":"x1","meta":{${META}},"v":1.10}`],
  'replaces an id and puts meta after it': ['{"id":"old","resourceType":"A"}', `{"id":"x1","meta":{${META}},"resourceType":"A"}`],
  'keeps what meta holds': [
    '{"resourceType":"A","meta":{"tag":[{"code":"}"}]},"id":"x"}',
    `{"resourceType":"A","meta":{${META},"tag":[{"code":"}"}]},"id":"x1"}`,
  ],
  'replaces version and time where they stand': [
    '{"resourceType":"A","meta":{"lastUpdated":"1970","profile":["p"],"versionId":"9"}}',
    '{"resourceType":"A","id":"x1","meta":{"lastUpdated":"2026-01-02T03:04:05.678Z","profile":["p"],"versionId":"2"}}',
  ],
  'adds the one that is missing': [
    '{"resourceType":"A","id":"x","meta":{"versionId":"9"}}',
    '{"resourceType":"A","id":"x1","meta":{"lastUpdated":"2026-01-02T03:04:05.678Z","versionId":"2"}}',
  ],
  'fills an empty meta': ['{"resourceType":"A","meta":{}}', `{"resourceType":"A","id":"x1","meta":{${META}}}`],
  'leaves white space and escapes alone': [
    '  {\n  "resourceType" : "A",\n  "text": "\\"id\\": \\\\",\n  "n": 1e0\n}\n',
    `{\n  "resourceType" : "A","id":"x1","meta":{${META}},\n  "text": "\\"id\\": \\\\",\n  "n": 1e0\n}`,
  ],
  'is not misled by an inner id': [
    '{"resourceType":"A","contained":[{"id":"c"}]}',
    `{"resourceType":"A","id":"x1","meta":{${META}},"contained":[{"id":"c"}]}`,
  ],
};
for (const [name, [given, stamped]] of Object.entries(CASES)) {
  test(name, () => {
    assert.is(withIdAndMeta(given, STAMP), stamped);
    assert.is(withIdAndMeta(stamped, STAMP), stamped);
  });
}

test.run();
