import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { folderFiles } from '../../../fhir/job/folder-files.ts';

let dir: string;
test.before.each(() => {
  dir = mkdtempSync(join(tmpdir(), 'files-'));
});
test.after.each(() => rmSync(dir, { recursive: true, force: true }));

const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
/** Bytes that can't be packed. */
const noise = (bytes: number): string => randomBytes(bytes).toString('base64');

test('a file on a full disk fails, and neither the process nor the write waits for it', async () => {
  mkdirSync(join(dir, 'job'));
  symlinkSync('/dev/full', join(dir, 'job/Patient.ndjson.gz.tmp'));
  const writer = await folderFiles(dir).create({ job: 'job', name: 'Patient.ndjson' });
  const codes: (string | undefined)[] = [];
  for (let i = 0; i < 3; i++) codes.push(await codeOf(writer.write(noise(4 << 20))));
  assert.is(codes.includes('ENOSPC'), true, String(codes));
  assert.is(await codeOf(writer.close()), 'ENOSPC');
  await writer.abandon();
  assert.equal(readdirSync(join(dir, 'job')), []);
});

test('what is appended is there as a whole, or it fails', async () => {
  const { pathname } = new URL('../../../fhir/job/folder-files.ts', import.meta.url);
  // 8 kB are the most that a file may have: 6 fit, of 6 more a part.
  const script = `
    import { randomBytes } from 'node:crypto';
    import { folderFiles } from ${JSON.stringify(pathname)};
    const files = folderFiles(${JSON.stringify(dir)});
    const append = (at) => files.append({ job: 'job', name: 'error', at, text: randomBytes(4500).toString('base64') });
    const at = await append(0);
    console.log(await append(at).then(() => 'appended', (error) => error.code));`;
  const child = spawn('sh', ['-c', `ulimit -f ${8 * 2} && exec "$0" --input-type=module -e "$1"`, process.execPath, script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [told] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.is(told.trim(), 'EFBIG');
});

test.run();
