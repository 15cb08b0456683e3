import { patientsOf } from '../../audit/patients.ts';
import type { FileWriter, JobFiles } from '../files.ts';

/** A file that is there. */
export interface WrittenFile {
  readonly kind: 'output' | 'deleted' | 'error';
  readonly type: string;
  readonly name: string;
  readonly count: number;
  /** How many patients it tells of. */
  readonly patients: number;
}

const MAX_LINES = 50_000;
const MAX_CHARACTERS = 64 << 20;

/** Where a file belongs: the bucket, the job, and the server whose references it holds. */
export interface FilePlace {
  readonly bucket: JobFiles;
  readonly job: string;
  readonly baseUrl: string;
}

/** One file of an export while it is written; there is none until it has a line. */
export class ExportFile {
  readonly #place: FilePlace;
  readonly #about: Pick<WrittenFile, 'kind' | 'type' | 'name'>;
  #writer: FileWriter | undefined;
  #characters = 0;
  #lines = 0;
  readonly patients = new Set<string>();

  constructor(place: FilePlace, about: Pick<WrittenFile, 'kind' | 'type' | 'name'>) {
    this.#place = place;
    this.#about = about;
  }

  get isFull(): boolean {
    return this.#lines >= MAX_LINES || this.#characters >= MAX_CHARACTERS;
  }

  /** Appends lines, each with the resource that tells which patients it is about. */
  async add(lines: readonly { readonly line: string; readonly id: string; readonly body: string }[]): Promise<void> {
    if (lines.length === 0) return;
    const { bucket, job, baseUrl } = this.#place;
    this.#writer ??= await bucket.create({ job, name: this.#about.name });
    // A line break in a JSON text stands between its parts, never within a string: a space says the same.
    const text = lines.map(({ line }) => `${line.replace(/[\r\n]/g, ' ')}\n`).join('');
    const { type } = this.#about;
    for (const { id, body } of lines) for (const patient of patientsOf([{ type, id, body }], baseUrl)) this.patients.add(patient);
    this.#lines += lines.length;
    this.#characters += text.length;
    await this.#writer.write(text);
  }

  /** Makes it be there, as a whole; undefined where nothing was added. */
  async close(): Promise<WrittenFile | undefined> {
    if (this.#writer === undefined) return undefined;
    await this.#writer.close();
    return { ...this.#about, count: this.#lines, patients: this.patients.size };
  }

  async abandon(): Promise<void> {
    await this.#writer?.abandon();
  }
}
