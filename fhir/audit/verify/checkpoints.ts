import { CHECKPOINT, HISTORY, parseHistoryName } from '../bucket-format.ts';
import type { ReadableBucket } from '../bucket.ts';
import { openCheckpoint, type SignedCheckpoint } from '../checkpoint.ts';
import type { SigningKey } from '../signing-key.ts';

export interface SignedHistory {
  /** By size; those of one size by time. */
  readonly checkpoints: readonly SignedCheckpoint[];
  /** What is wrong with them, each with the path. */
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** Every checkpoint of the bucket whose signature holds. */
export const readHistory = (bucket: ReadableBucket, key: SigningKey): SignedHistory => {
  const checkpoints: SignedCheckpoint[] = [];
  const problems: string[] = [];
  const notes: string[] = [];
  const open = (path: string): SignedCheckpoint | undefined => {
    const note = bucket.get(path);
    if (note === undefined) return undefined;
    try {
      return openCheckpoint(note.toString(), key);
    } catch (error) {
      problems.push(`${path} can't be trusted: ${(error as Error).message}`);
      return undefined;
    }
  };
  // The pointer first: its writer may be at work, and puts into the history before it turns the pointer.
  const pointer = open(CHECKPOINT);
  if (pointer === undefined && problems.length === 0) problems.push(`${CHECKPOINT} is missing`);
  for (const name of bucket.list(HISTORY)) {
    const path = `${HISTORY}/${name}`;
    const checkpoint = open(path);
    if (checkpoint === undefined) continue;
    if (checkpoint.size === parseHistoryName(name)) checkpoints.push(checkpoint);
    else problems.push(`${path} holds the checkpoint of another size, ${checkpoint.size}`);
  }
  checkpoints.sort((a, b) => a.size - b.size || a.time.localeCompare(b.time));
  const newest = checkpoints.at(-1);
  if (pointer !== undefined && pointer.size > (newest?.size ?? -1)) {
    problems.push(
      `${CHECKPOINT} covers ${pointer.size} events, the history only ${newest?.size ?? 'none'}: checkpoints were removed from it`,
    );
    checkpoints.push(pointer);
  } else if (pointer !== undefined && pointer.size < newest!.size) {
    notes.push(`${CHECKPOINT} covers ${pointer.size} events, older than the history's last: it was rolled back, or is about to be written`);
  }
  return { checkpoints, problems, notes };
};
