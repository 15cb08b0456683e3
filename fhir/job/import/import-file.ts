/** The lines of a file to import, batch by batch. */
import { FhirError } from '../../http/outcome.ts';
import type { ImportFile, ImportSource } from './import-source.ts';

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Undefined where it is longer than a resource may be, or no UTF-8. */
  readonly text: string | undefined;
}

export interface LineRange {
  /** Bytes, and lines, that were read before. */
  readonly offset: number;
  readonly lines: number;
  readonly maxLines: number;
  /** About so much is read at once. */
  readonly maxBytes: number;
  readonly maxLineBytes: number;
}

export interface LineBatch {
  readonly lines: readonly Line[];
  readonly offset: number;
  readonly isEnd: boolean;
}

const LF = 10;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

const decode = (bytes: Buffer): string | undefined => {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
};

const isPacked = (chunk: Buffer): boolean => chunk[0] === 0x1f && chunk[1] === 0x8b;

/** The next lines of a file; throws 400 where it is packed, 409 where it isn't the file any more that the job began with. */
export const readLines = async (source: ImportSource, file: ImportFile, range: LineRange): Promise<LineBatch> => {
  const { size } = file;
  const lines: Line[] = [];
  let { offset } = range;
  let parts: Buffer[] = [];
  let length = 0;
  const add = (end: number): void => {
    const text = length > range.maxLineBytes ? undefined : decode(Buffer.concat(parts, length));
    lines.push({ number: range.lines + lines.length + 1, text });
    parts = [];
    length = 0;
    offset = end;
  };
  const take = (part: Buffer): void => {
    length += part.length;
    // What is too long is counted and not kept.
    if (length <= range.maxLineBytes) parts.push(part);
    else parts = [];
  };
  const isFull = (): boolean => lines.length >= range.maxLines || offset - range.offset >= range.maxBytes;
  let position = offset;
  for await (const chunk of source.read(file, offset)) {
    if (position === 0 && isPacked(chunk))
      throw new FhirError('invalid', `${file.name} is packed by gzip: unpack it, and import what was in it`);
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1 && !isFull(); end = chunk.indexOf(LF, start)) {
      take(chunk.subarray(start, end));
      add(position + end + 1);
      start = end + 1;
    }
    if (isFull()) break;
    take(chunk.subarray(start));
    position += chunk.length;
    if (position >= size && length > 0) add(size);
  }
  return { lines, offset, isEnd: offset >= size };
};
