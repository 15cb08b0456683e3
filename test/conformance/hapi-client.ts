/** HAPI's own Java client, unmodified, doing its ordinary work; its program is java/src. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseResult } from './runner.ts';
import type { Target } from './target.ts';

const AREA = 'HAPI client';
const SOURCE = join(import.meta.dirname, 'java');

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Compiles the program into `folder`, with the libraries beside it, unless that is done. */
const compile = (folder: string): void => {
  const files = globSync('**/*.{java,xml}', { cwd: SOURCE }).sort();
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(join(SOURCE, file)));
  const digest = hash.digest('hex');
  const stamp = join(folder, '.complete');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  process.stderr.write("compiling HAPI's Java client (the first time Maven downloads it) …\n");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(SOURCE, folder, { recursive: true });
  const { status } = spawnSync('mvn', ['--batch-mode', '--quiet', 'package', 'dependency:copy-dependencies'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error("Maven couldn't compile the Java client (its message is above); --no-java goes without it");
  writeFileSync(stamp, digest);
};

/** The results, or why it was left out. */
export const runHapiClient = async (folder: string, { baseUrl, tls }: Target): Promise<CaseResult[] | string> => {
  if (!works('java', '-version')) return 'there is no Java here';
  if (!works('mvn', '--version')) return 'there is no Maven here';
  compile(folder);
  const keyStore = join(folder, 'client.p12');
  const made = spawnSync(
    'openssl',
    ['pkcs12', '-export', '-in', tls.cert, '-inkey', tls.key, '-out', keyStore, '-passout', 'pass:portcullis', '-name', 'client'],
    { stdio: ['ignore', 'ignore', 2] },
  );
  if (made.status !== 0) return 'there is no openssl here to make a key store with';
  const classPath = [join(folder, 'target/classes'), join(folder, 'target/dependency/*')].join(':');
  const { stdout, stderr, status } = spawnSync('java', ['-cp', classPath, 'portcullis.HapiClient', baseUrl, tls.ca, keyStore], {
    encoding: 'utf8',
    timeout: 180_000,
  });
  const results = stdout
    .split('\n')
    .filter((line) => line.startsWith('ok\t') || line.startsWith('FAIL\t'))
    .map((line): CaseResult => {
      const [verdict, name = '', fault = ''] = line.split('\t');
      return { area: AREA, name, faults: verdict === 'ok' ? [] : [fault] };
    });
  if (status !== 0 && results.every(({ faults }) => faults.length === 0))
    results.push({ area: AREA, name: 'runs to its end', faults: [stderr.slice(-600)] });
  return results;
};
