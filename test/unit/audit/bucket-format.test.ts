import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  eventLine,
  historyName,
  isKept,
  parseHistoryName,
  parseSegmentName,
  segmentPath,
  tilePath,
} from '../../../fhir/audit/bucket-format.ts';
import { parseLineHead } from '../../../fhir/audit/verify/event-order.ts';

const stored = { xid: '751', seq: 66, recorded: '2026-11-24T13:55:15.123456Z' };

test('names of segments and checkpoints sort in the order of the log and read back', () => {
  assert.is(segmentPath({ first: 8192, count: 10 }), 'seg/000000008192-10.ndjson.gz');
  assert.equal(parseSegmentName('000000008192-10.ndjson.gz'), { first: 8192, count: 10 });
  assert.is(parseSegmentName('000000008192-0.ndjson.gz'), undefined);
  const name = historyName(8202, '2026-11-24T13:55:15.123Z');
  assert.is(name, '000000008202-20261124T135515123Z');
  assert.is(parseHistoryName(name), 8202);
});

test('tiles lie where tlog-tiles says', () => {
  assert.is(tilePath(0, 1_234_067), 'tile/0/x001/x234/067');
  assert.is(tilePath(1, 5, 200), 'tile/1/005.p/200');
});

test('segments, full tiles and the history are kept for good; the pointer and partial tiles are not', () => {
  const kept = [
    segmentPath({ first: 8192, count: 10 }),
    tilePath(0, 1_234_067),
    tilePath(2, 5),
    `history/${historyName(8202, '2026-11-24T13:55:15.123Z')}`,
  ];
  for (const path of kept) assert.ok(isKept(path), path);
  for (const path of ['checkpoint', tilePath(0, 1_234_067, 9), tilePath(1, 5, 200), 'seg/other', 'tile/0/000.p'])
    assert.not(isKept(path), path);
});

test('an event is embedded in its line to the byte', () => {
  const body = '{"id":"1", "n":1.10}';
  const line = eventLine(7, { ...stored, body });
  assert.is(line, `{"index":7,"xid":"751","seq":66,"recorded":"2026-11-24T13:55:15.123456Z","event":${body}}`);
  assert.equal(parseLineHead(line), { index: 7, ...stored });
});

test('a body that is no single line of JSON is embedded as a string, so that it can pass for nothing else', () => {
  for (const body of ['{"a":1}\n{"index":8}', '1},"xid":{', 'not json', '']) {
    const line = eventLine(7, { ...stored, body });
    assert.is((JSON.parse(line) as { text: string }).text, body);
    assert.not.match(line, /\n/);
  }
});

test('what looks like an event is one only where it is JSON', () => {
  const json = ['{"a":1}', '{"a":0,"b":"é","c":["x","y"]}', '{"a":10}', '{"a":{"b":[1.5,null]}}', '{"a":[]}', '{}', '{"a":"\\n"}', '[1]'];
  const none = [
    '{"a":01}',
    '{"a":1.}',
    '{"a":"\t"}',
    '{"a":"\\x"}',
    '{"a":["x",]}',
    '{"a":[,"x"]}',
    '{"a":1,}',
    '{"a":1}x',
    '{"a":"x}',
    '{a:1}',
  ];
  for (const body of json) assert.ok(eventLine(7, { ...stored, body }).endsWith(`,"event":${body}}`), body);
  for (const body of none) assert.is((JSON.parse(eventLine(7, { ...stored, body })) as { text: string }).text, body, body);
});

test.run();
