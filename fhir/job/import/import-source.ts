/** Files to import: they lie in one place that the operator fills, a folder or an S3 store. No address is ever fetched. */
import { FhirError } from '../../http/outcome.ts';

export interface ImportFile {
  /** Below the place of imports. */
  readonly name: string;
  /** Undefined: each line says what it is. */
  readonly type: string | undefined;
  readonly size: number;
  readonly modifiedMs: number;
  /** In an S3 store: the very content. */
  readonly etag?: string;
}

export interface ImportSource {
  /** Throws 400 where a name leads elsewhere or to nothing. */
  find(name: string, type: string | undefined): Promise<ImportFile>;
  /** The bytes from an offset on, in parts; throws 409 where it isn't the file any more that was found. */
  read(file: ImportFile, offset: number): AsyncGenerator<Buffer>;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}$/;

const refused = (diagnostics: string): FhirError => new FhirError('value', diagnostics, { expression: 'Parameters.parameter.part.url' });

/** Throws 400 where this is no name, an address for instance. */
export const requireName = (name: string): void => {
  if (NAME.test(name)) return;
  throw refused(
    /^[a-z0-9]+:/i.test(name)
      ? 'this server fetches no addresses: have the file put into its import folder, and give its name there as url'
      : `url ${name.slice(0, 60)} is no name of a file in the import folder, such as patients.ndjson`,
  );
};

export const noSuchFile = (name: string): FhirError => refused(`there is no file ${name} in the import folder`);

export const changedFile = (name: string): FhirError =>
  new FhirError('conflict', `${name} was changed while it was imported: begin again when it is complete`);
