/** What a job has made. Source: http://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status */

export interface ManifestFile {
  readonly type: string;
  readonly url: string;
  /** Lines. */
  readonly count: number;
  readonly extension?: { readonly patients: number };
}

export interface Manifest {
  /** ISO 8601 */
  readonly transactionTime: string;
  /** Address of the request that began the job. */
  readonly request: string;
  readonly requiresAccessToken: false;
  readonly output: readonly ManifestFile[];
  readonly deleted?: readonly ManifestFile[];
  readonly error: readonly ManifestFile[];
}

/** The entry of a file, by its name, in a manifest's text. */
export const fileOf = (manifest: string, name: string): ManifestFile | undefined => {
  const { output, deleted = [], error } = JSON.parse(manifest) as Partial<Manifest>;
  return [...(output ?? []), ...deleted, ...(error ?? [])].find(({ url }: { readonly url?: string }) => url?.endsWith(`/${name}`));
};
