/** Files to import: they lie in one folder that the operator fills. No address is ever fetched. */
import { open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { FhirError } from '../../http/outcome.ts';

export interface ImportFile {
  /** Below the folder. */
  readonly name: string;
  /** Undefined: each line says what it is. */
  readonly type: string | undefined;
  readonly size: number;
  readonly modifiedMs: number;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}$/;

const refused = (diagnostics: string): FhirError => new FhirError('value', diagnostics, { expression: 'Parameters.parameter.part.url' });

/** The path of a file in the folder, links followed; throws 400 where the name leads elsewhere or to nothing. */
const pathOf = async (folder: string, name: string): Promise<string> => {
  if (!NAME.test(name)) {
    throw refused(
      /^[a-z]+:/i.test(name)
        ? 'this server fetches no addresses: have the file put into its import folder, and give its name there as url'
        : `url ${name.slice(0, 60)} is no name of a file in the import folder, such as patients.ndjson`,
    );
  }
  const root = await realpath(folder);
  const path = await realpath(join(root, name)).catch(() => undefined);
  if (path === undefined || !path.startsWith(root + sep)) throw refused(`there is no file ${name} in the import folder`);
  return path;
};

export const findFile = async (folder: string, name: string, type: string | undefined): Promise<ImportFile> => {
  const found = await stat(await pathOf(folder, name));
  if (!found.isFile()) throw refused(`there is no file ${name} in the import folder`);
  return { name, type, size: found.size, modifiedMs: Math.trunc(found.mtimeMs) };
};

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

const CHUNK = 256 * 1024;
const LF = 10;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

const decode = (bytes: Buffer): string | undefined => {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
};

/** The next lines of a file; throws 409 where it isn't the file any more that the job began with. */
export const readLines = async (folder: string, file: ImportFile, range: LineRange): Promise<LineBatch> => {
  const handle = await open(await pathOf(folder, file.name), 'r');
  try {
    const { size, mtimeMs } = await handle.stat();
    if (size !== file.size || Math.trunc(mtimeMs) !== file.modifiedMs)
      throw new FhirError('conflict', `${file.name} was changed while it was imported: begin again when it is complete`);
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
    for (let position = offset; position < size && !isFull();) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, size - position));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) break;
      let start = 0;
      for (let end = chunk.indexOf(LF); end !== -1 && end < bytesRead && !isFull(); end = chunk.indexOf(LF, start)) {
        take(chunk.subarray(start, end));
        add(position + end + 1);
        start = end + 1;
      }
      if (isFull()) break;
      take(chunk.subarray(start, bytesRead));
      position += bytesRead;
      if (position >= size && length > 0) add(size);
    }
    return { lines, offset, isEnd: offset >= size };
  } finally {
    await handle.close();
  }
};
