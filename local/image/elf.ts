/** Reads from a Linux program or library which others it loads. Format: https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html */
import { closeSync, openSync, readSync } from 'node:fs';

export interface Elf {
  /** 62: x86-64, 183: arm64. */
  readonly machine: number;
  /** Path of the loader; programs have one, libraries don't. */
  readonly interpreter?: string;
  /** File names of the libraries that are loaded with it. */
  readonly needed: readonly string[];
}

const SEGMENT = { load: 1, dynamic: 2, interpreter: 3 };
const TAG = { end: 0n, needed: 1n, strings: 5n, stringsSize: 10n };
const ENTRY_BYTES = 16;
/** No table of a real program comes near; a broken file must not ask for all memory. */
const LIMIT_BYTES = 16 << 20;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly size: number;
}

const text = (bytes: Buffer, from: number): string => bytes.toString('utf8', from, bytes.indexOf(0, from));

/** Undefined for anything but a 64-bit little-endian ELF file; throws when one is cut short. */
export const readElf = (path: string): Elf | undefined => {
  const file = openSync(path, 'r');
  const read = (offset: number, length: number): Buffer => {
    if (length > LIMIT_BYTES) throw new Error(`${path} is no sound ELF file: a table of ${length} bytes`);
    const bytes = Buffer.alloc(length);
    const got = readSync(file, bytes, 0, length, offset);
    if (got < length) throw new Error(`${path} is no sound ELF file: it ends at ${offset + got}`);
    return bytes;
  };
  try {
    const magic = Buffer.alloc(6);
    if (readSync(file, magic, 0, 6, 0) < 6 || magic.toString('latin1') !== '\x7fELF\x02\x01') return undefined;
    const header = read(0, 64);
    const [tableAt, entryBytes, count] = [Number(header.readBigUInt64LE(32)), header.readUInt16LE(54), header.readUInt16LE(56)];
    const table = read(tableAt, entryBytes * count);
    const segments = Array.from({ length: count }, (_, index): Segment => {
      const entry = table.subarray(index * entryBytes);
      return {
        type: entry.readUInt32LE(0),
        offset: Number(entry.readBigUInt64LE(8)),
        address: entry.readBigUInt64LE(16),
        size: Number(entry.readBigUInt64LE(32)),
      };
    });
    const only = (type: number): Buffer | undefined => {
      const segment = segments.find((each) => each.type === type);
      return segment && read(segment.offset, segment.size);
    };
    const interpreter = only(SEGMENT.interpreter);
    const dynamic = only(SEGMENT.dynamic) ?? Buffer.alloc(0);
    const entries: [tag: bigint, value: bigint][] = [];
    for (let at = 0; at + ENTRY_BYTES <= dynamic.length; at += ENTRY_BYTES) {
      const tag = dynamic.readBigInt64LE(at);
      if (tag === TAG.end) break;
      entries.push([tag, dynamic.readBigUInt64LE(at + 8)]);
    }
    const value = (tag: bigint): bigint => entries.find(([each]) => each === tag)?.[1] ?? 0n;
    const strings = value(TAG.strings);
    const home = segments.find(
      ({ type, address, size }) => type === SEGMENT.load && address <= strings && strings < address + BigInt(size),
    );
    const names = home && read(home.offset + Number(strings - home.address), Number(value(TAG.stringsSize)));
    return {
      machine: header.readUInt16LE(18),
      ...(interpreter && { interpreter: text(interpreter, 0) }),
      needed: names ? entries.filter(([tag]) => tag === TAG.needed).map(([, at]) => text(names, Number(at))) : [],
    };
  } finally {
    closeSync(file);
  }
};
