import type { Sql } from '../store/pool.ts';
import type { Bucket } from './bucket.ts';
import { type Cursor, eventsBetween, START } from './event-feed.ts';
import { createSealer, type FaultPoint, newestCheckpoint, type Sealer } from './sealer.ts';
import { lastPlanned, markSealed, requireLead } from './segment-plan.ts';
import { ForkError, type Segment, draftSegment } from './segment.ts';
import type { SigningKey } from './signing-key.ts';

interface Lead {
  readonly sql: Sql;
  readonly fence: number;
  readonly fault: (point: FaultPoint) => void;
}

/** The steps from a planned segment to a sealed one; any of them may have been done before. */
export const finishSegment = async ({ sql, fence, fault }: Lead, sealer: Sealer, segment: Segment): Promise<void> => {
  await sealer.put(segment);
  // A relay that was paused meanwhile must not sign after a newer one has.
  await requireLead(sql, fence);
  await sealer.sign();
  fault('before-done');
  await markSealed(sql, segment);
  fault('after-done');
};

/** Finishes what a former leader has planned, and finds where to go on; throws ForkError where bucket and database don't fit together. */
export const recoverLog = async ({
  bucket,
  key,
  ...lead
}: Lead & { readonly bucket: Bucket; readonly key: SigningKey }): Promise<{ sealer: Sealer; cursor: Cursor }> => {
  const [last, before] = await lastPlanned(lead.sql, 2);
  const signed = (await newestCheckpoint(bucket, key))?.size ?? 0;
  const planned = last === undefined ? 0 : last.first + last.count;
  const size = last === undefined || last.isSealed ? planned : last.first;
  if (signed !== size && signed !== planned) {
    throw new ForkError(
      `the bucket has signed ${signed} events and the database knows of ${size}: was one of them restored from a backup?`,
    );
  }
  const sealer = await createSealer({ bucket, key, size, fault: lead.fault });
  if (last === undefined) return { sealer, cursor: START };
  if (!last.isSealed) {
    const draft = draftSegment(last.first);
    for (const event of await eventsBetween(lead.sql, before ?? START, last)) draft.add(event);
    const segment = draft.finish();
    if (!segment.sha256.equals(last.sha256)) {
      throw new ForkError(`segment ${last.first} was planned with other events than the database has now`);
    }
    await finishSegment(lead, sealer, segment);
  }
  return { sealer, cursor: { xid: last.xid, seq: last.seq } };
};
