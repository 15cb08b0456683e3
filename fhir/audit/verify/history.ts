import { CHECKPOINT, HISTORY, historyName, parseHistoryName } from '../bucket-format.ts';
import type { ReadableBucket } from '../bucket.ts';
import { openCheckpoint, type SignedCheckpoint } from '../checkpoint.ts';
import { inOrder } from '../../in-order.ts';
import type { SigningKey } from '../signing-key.ts';

export interface History {
  /** The pointer, where it is there and its signature holds. */
  readonly pointer: SignedCheckpoint | undefined;
  /** The one that covers most, pointer included. What the relay signs from then on isn't looked at. */
  readonly newest: SignedCheckpoint | undefined;
  /** Every checkpoint of the history up to the newest whose signature holds, by size; those of one size by time. */
  readonly checkpoints: AsyncGenerator<SignedCheckpoint, undefined>;
}

const GETS_AT_ONCE = 16;

/** Finds out how far the log is signed; `onProblem` hears what is wrong with a checkpoint, with its path, now and while they are read. */
export const openHistory = async (bucket: ReadableBucket, key: SigningKey, onProblem: (problem: string) => void): Promise<History> => {
  const open = async (path: string, hear = onProblem): Promise<SignedCheckpoint | undefined> => {
    const note = await bucket.get(path);
    if (note === undefined) {
      if (path === CHECKPOINT) hear(`${CHECKPOINT} is missing`);
      return undefined;
    }
    try {
      return openCheckpoint(note.toString(), key);
    } catch (error) {
      hear(`${path} can't be trusted: ${(error as Error).message}`);
      return undefined;
    }
  };
  // The pointer first: its writer may be at work, and puts into the history before it turns the pointer.
  const pointer = await open(CHECKPOINT);
  let end = pointer === undefined ? undefined : historyName(pointer.size, pointer.time);
  for await (const name of bucket.list(HISTORY, end)) end = name;
  // Its problems are told when its turn comes.
  const last = end === undefined ? undefined : await open(`${HISTORY}/${end}`, () => undefined);

  const read = async (name: string): Promise<SignedCheckpoint | undefined> => {
    const path = `${HISTORY}/${name}`;
    const checkpoint = await open(path);
    if (checkpoint === undefined || checkpoint.size === parseHistoryName(name)) return checkpoint;
    onProblem(`${path} holds the checkpoint of another size, ${checkpoint.size}`);
    return undefined;
  };
  const names = async function* (): AsyncGenerator<string> {
    for await (const name of bucket.list(HISTORY)) {
      if (end === undefined || name > end) return;
      yield name;
    }
  };
  const checkpoints = async function* (): AsyncGenerator<SignedCheckpoint, undefined> {
    for await (const checkpoint of inOrder(names(), GETS_AT_ONCE, read)) if (checkpoint !== undefined) yield checkpoint;
  };
  return { pointer, newest: newer(pointer, last), checkpoints: checkpoints() };
};

/** The one that covers more, or as much later. */
export const newer = (a: SignedCheckpoint | undefined, b: SignedCheckpoint | undefined): SignedCheckpoint | undefined => {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.size !== b.size) return a.size > b.size ? a : b;
  return a.time > b.time ? a : b;
};
