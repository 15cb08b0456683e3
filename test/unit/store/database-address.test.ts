import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { databaseConnection } from '../../../fhir/store/database-address.ts';

test('takes the folder of a Unix socket out of the address, and leaves another host', () => {
  assert.equal(databaseConnection('postgres://u:p@127.0.0.1:5433/d?host=/run/pg'), {
    address: 'postgres://u:p@127.0.0.1:5433/d',
    path: '/run/pg/.s.PGSQL.5433',
  });
  assert.equal(databaseConnection('postgres://u:p@db.example.org/d'), { address: 'postgres://u:p@db.example.org/d' });
});

test('verify-full takes the CA of the file, and for a bare IP address the address as the name', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ca-'));
  const file = join(dir, 'ca.crt');
  writeFileSync(file, 'the CA');
  assert.equal(databaseConnection('postgres://u@db.example.org/d?sslmode=verify-full', file).ssl, { ca: Buffer.from('the CA') });
  assert.equal(databaseConnection('postgres://u@10.0.0.7/d?sslmode=verify-full').ssl, { host: '10.0.0.7' });
  rmSync(dir, { recursive: true });
});

test('a CA that nothing would be proven by is refused', () => {
  for (const query of ['', '?sslmode=require', '?sslmode=disable'])
    assert.throws(() => databaseConnection(`postgres://u@db/d${query}`, '/ca.crt'), /add \?sslmode=verify-full/);
});

test.run();
