/**
 * What lies where in the bucket, and in which form:
 *   seg/<first index>-<count>.ndjson.gz     events, one line each
 *   tile/<level>/<index>                    256 hashes of 32 bytes, https://c2sp.org/tlog-tiles
 *   tile/<level>/<index>.p/<width>          the last tile of a level while it isn't full
 *   history/<size>-<time>                   every checkpoint that was ever signed
 *   checkpoint                              the newest one
 * All but the partial tiles and `checkpoint` is kept: written once, never changed, and in an S3 store locked (`isKept`).
 */
export const CHECKPOINT = 'checkpoint';
export const SEGMENTS = 'seg';
export const HISTORY = 'history';
/** A segment holds so many events at most. */
export const MAX_SEGMENT_EVENTS = 8192;

/** Where a listing of segments begins that is to hold the one with this event. */
export const beforeSegmentOf = (index: number): string => digits(Math.max(0, index - MAX_SEGMENT_EVENTS));

const digits = (value: number): string => String(value).padStart(12, '0');

export interface SegmentName {
  readonly first: number;
  readonly count: number;
}

export const segmentPath = ({ first, count }: SegmentName): string => `${SEGMENTS}/${digits(first)}-${count}.ndjson.gz`;

export const parseSegmentName = (name: string): SegmentName | undefined => {
  const [, first, count] = /^(\d{12,})-([1-9]\d*)\.ndjson\.gz$/.exec(name) ?? [];
  return first === undefined || count === undefined ? undefined : { first: Number(first), count: Number(count) };
};

/** `time` is ISO 8601. */
export const historyName = (size: number, time: string): string => `${digits(size)}-${time.replaceAll(/[-:.]/g, '')}`;

/** The size of the log that a checkpoint of the history says it covers. */
export const parseHistoryName = (name: string): number | undefined => {
  const [, size] = /^(\d{12,})-\d{8}T\d{9}Z$/.exec(name) ?? [];
  return size === undefined ? undefined : Number(size);
};

/** An index in groups of three digits, all but the last marked: 1234067 is x001/x234/067. */
const tileIndex = (index: number): string => {
  const groups = [String(index % 1000).padStart(3, '0')];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000))
    groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`);
  return groups.join('/');
};

export const tilePath = (level: number, index: number, width?: number): string =>
  `tile/${level}/${tileIndex(index)}${width === undefined ? '' : `.p/${width}`}`;

/** Whether what lies at a path of the bucket is written once and kept for good; what isn't can be made anew from what is. */
export const isKept = (path: string): boolean =>
  /^(?:seg\/\d{12,}-[1-9]\d*\.ndjson\.gz|history\/\d{12,}-\d{8}T\d{9}Z|tile\/\d+(?:\/x\d{3})*\/\d{3})$/.test(path);

export interface StoredEvent {
  readonly xid: string;
  readonly seq: number;
  /** ISO 8601 with microseconds. */
  readonly recorded: string;
  readonly body: string;
}

/**
 * The line of an event, without its line feed; the leaf of the tree is the hash of exactly these bytes. What a writer stored is embedded
 * as it is where it is one line of JSON, and otherwise (it could pass for other members or lines) as a string.
 */
export const eventLine = (index: number, { xid, seq, recorded, body }: StoredEvent): string =>
  `{"index":${index},"xid":"${xid}","seq":${seq},"recorded":"${recorded}",${isOneJsonLine(body) ? `"event":${body}` : `"text":${JSON.stringify(body)}`}}`;

/** Whatever this matches is JSON: what events look like, at a third of what it takes to parse them, and no garbage. */
const FLAT = (() => {
  const text = String.raw`"[^"\\\x00-\x1f]*"`;
  const value = String.raw`(?:${text}|\d|[1-9]\d*|\[${text}(?:,${text})*\])`;
  return new RegExp(`^\\{${text}:${value}(?:,${text}:${value})*\\}$`);
})();

const isOneJsonLine = (text: string): boolean => {
  if (FLAT.test(text)) return true;
  if (text.includes('\n') || text.includes('\r')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
