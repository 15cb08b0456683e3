import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkProof, findEvent, proveEvent } from '../verify/proof.ts';
import { AUDITOR_OPTIONS, openAuditorBucket, openVerifierKey } from './auditor-files.ts';

/** `prove INDEX|EVENT_ID [--out FILE]` writes a proof that anyone can check without the bucket. */
export const prove = async (args: string[]): Promise<boolean> => {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { ...AUDITOR_OPTIONS, out: { type: 'string' } } });
  const [wanted] = positionals;
  if (wanted === undefined || positionals.length > 1) throw new Error('which event? Give the index or the id of one');
  const bucket = await openAuditorBucket(values.bucket);
  const index = /^\d{1,15}$/.test(wanted) ? Number(wanted) : await findEvent(bucket, wanted);
  if (index === undefined) throw new Error(`no sealed event has the id ${wanted}`);
  const out = values.out ?? `event-${index}.proof`;
  writeFileSync(out, await proveEvent(bucket, openVerifierKey(values.key), index));
  console.log(`event ${index}: the proof is in ${out}; check it with: npm run audit -- check ${out} --key PUBLIC_KEY`);
  return true;
};

/** `check PROOF` says what a proof proves. */
export const check = (args: string[]): boolean => {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { key: AUDITOR_OPTIONS.key } });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new Error('which proof? Give the file of one');
  const key = openVerifierKey(values.key);
  const proof = readFileSync(file, 'utf8'); // a file that can't be read proves nothing either way
  try {
    const { index, line, checkpoint } = checkProof(proof, key);
    console.log(line);
    console.log(`\nPROVEN: this is event ${index} of the log ${key.name}, which had ${checkpoint.size} events at ${checkpoint.time}.`);
    return true;
  } catch (error) {
    console.log(`NOT PROVEN: ${(error as Error).message}`);
    return false;
  }
};
