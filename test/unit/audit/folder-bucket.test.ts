import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const module = new URL('../../../fhir/audit/folder-bucket.ts', import.meta.url).href;

// A limit on the size of files stands for the full disk: the kernel cuts the write short in the same way.
for (const method of ['putOnce', 'replace'])
  test(`${method} leaves nothing behind of what the disk has no room for`, async () => {
    const root = await mkdtemp(join(tmpdir(), 'portcullis-bucket-'));
    try {
      const code = `const { openFolderBucket } = await import(${JSON.stringify(module)});
        await openFolderBucket(${JSON.stringify(root)}).${method}('seg/a', Buffer.alloc(1 << 20)).then(
          () => console.log('written'), (error) => console.log(error.code));`;
      const limited = 'ulimit -f 64; exec "$0" --input-type=module -e "$1"';
      const { stdout } = await promisify(execFile)('sh', ['-c', limited, process.execPath, code]);
      assert.is(stdout.trim(), 'EFBIG');
      assert.equal(await readdir(join(root, 'seg')), []);
    } finally {
      await rm(root, { recursive: true });
    }
  });

test.run();
