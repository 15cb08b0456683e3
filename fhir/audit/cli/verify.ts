import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { openCheckpoint, type SignedCheckpoint } from '../checkpoint.ts';
import type { SigningKey } from '../signing-key.ts';
import { type Verification, verifyLog } from '../verify/verify-log.ts';
import { AUDITOR_OPTIONS, bucketAddress, memoryOf, openAuditorBucket, openVerifierKey, wholeNumber } from './auditor-files.ts';

const OPTIONS = {
  ...AUDITOR_OPTIONS,
  'at-least': { type: 'string' },
  'expect-size': { type: 'string' },
  'max-age': { type: 'string' },
  'no-memory': { type: 'boolean' },
} as const;

const SHOWN_PROBLEMS = 20;

const openFile = (file: string, key: SigningKey): SignedCheckpoint => {
  try {
    return openCheckpoint(readFileSync(file, 'utf8'), key);
  } catch (cause) {
    throw new Error(`couldn't use the checkpoint ${file}: ${(cause as Error).message}`, { cause });
  }
};

/** What else was asked of the log. */
const unmet = ({ newest, events }: Verification, minimum: number | undefined, maxAgeS: number | undefined): string[] => {
  const ageS = newest === undefined ? Infinity : (Date.now() - Date.parse(newest.time)) / 1000;
  return [
    ...(minimum !== undefined && events < minimum ? [`the log has ${events} events, fewer than the ${minimum} expected`] : []),
    ...(maxAgeS !== undefined && ageS > maxAgeS
      ? [`the newest checkpoint is ${Math.round(ageS)} s old, more than the ${maxAgeS} s allowed`]
      : []),
  ];
};

/** Verifies the whole log; returns whether it holds. */
export const verify = async (args: string[]): Promise<boolean> => {
  const { values } = parseArgs({ args, options: OPTIONS });
  const minimum = wholeNumber('expect-size', values['expect-size']);
  const maxAgeS = wholeNumber('max-age', values['max-age']);
  const key = openVerifierKey(values.key);
  const address = bucketAddress(values.bucket);
  const bucket = await openAuditorBucket(address);
  const memory = memoryOf(address);
  const remembers = !values['no-memory'] && existsSync(memory);
  const kept = [...(values['at-least'] === undefined ? [] : [values['at-least']]), ...(remembers ? [memory] : [])];

  const startedAt = performance.now();
  const found = await verifyLog({ bucket, key, kept: kept.map((file) => openFile(file, key)) });
  const seconds = (performance.now() - startedAt) / 1000;
  const problems = [...found.problems, ...unmet(found, minimum, maxAgeS)];

  for (const problem of problems.slice(0, SHOWN_PROBLEMS)) console.log(`PROBLEM  ${problem}`);
  if (problems.length > SHOWN_PROBLEMS) console.log(`PROBLEM  … and ${problems.length - SHOWN_PROBLEMS} more`);
  for (const note of found.notes) console.log(`note     ${note}`);
  if (problems.length > 0) {
    console.log(`\nNOT VERIFIED: ${address} is not the log that ${key.name} has signed.`);
    return false;
  }
  const { events, segments, checkpoints, resources } = found;
  const newest = found.newest!;
  console.log(`events       ${events} in ${segments} segments, none changed, missing or out of order`);
  console.log(`versions     of ${resources} resources, each with exactly one event`);
  console.log(`signed       ${checkpoints} times by ${key.name}, last at ${newest.time}`);
  console.log(`root         ${newest.root.toString('base64')}`);
  console.log(`speed        ${Math.round(events / seconds)} events/s`);
  console.log(`
VERIFIED up to ${newest.time}. Who could remove files here could also have removed everything after that, signatures included. Against that:
--max-age SECONDS (a running relay signs every 30 s) and --at-least FILE, a checkpoint that you kept elsewhere.`);
  if (!values['no-memory']) remember(memory, newest);
  return true;
};

/** Keeps the checkpoint, so that the next run finds a log that was cut since. */
const remember = (file: string, { note }: SignedCheckpoint): void => {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, note, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    console.log(`This checkpoint is kept in ${file}: the next run finds a log that was cut since.`);
  } catch {
    console.log(`This checkpoint can't be kept in ${file}: keep a copy of the file "checkpoint" yourself.`);
  }
};
