/** The start of a line as bucket-format.ts writes it; read by position, because it is read for every event of the log. */
const HEAD = /^\{"index":(\d+),"xid":"(\d+)","seq":(\d+),"recorded":"([^"]{27})",/;

export interface LineHead {
  readonly index: number;
  readonly xid: string;
  readonly seq: number;
  readonly recorded: string;
}

export const parseLineHead = (line: string): LineHead | undefined => {
  const [, index, xid, seq, recorded] = HEAD.exec(line.slice(0, 160)) ?? [];
  return recorded === undefined ? undefined : { index: Number(index), xid: xid!, seq: Number(seq), recorded };
};

/** Whether `b` comes after `a`: transaction first, then number. Transaction ids are whole numbers without leading zeros, beyond 2^53. */
export const comesAfter = (a: LineHead, b: LineHead): boolean => {
  if (a.xid === b.xid) return b.seq > a.seq;
  return a.xid.length === b.xid.length ? b.xid > a.xid : b.xid.length > a.xid.length;
};
