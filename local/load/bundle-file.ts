import { hash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';

interface Entry {
  readonly resource?: { readonly resourceType?: string; readonly identifier?: readonly { system?: string; value?: string }[] };
  readonly request?: { readonly method?: string; readonly url?: string; readonly ifNoneExist?: string };
}

/** One Bundle read from a file, with what its sender must know of it. */
export interface BundleFile {
  readonly path: string;
  readonly text: string;
  /** SHA-256 of the text, compressed or not, in hex: the file's name in the journal. */
  readonly sha256: string;
  readonly kind: 'transaction' | 'batch';
  readonly resources: number;
  /** True when sending it twice stores nothing twice: every entry is a PUT or a conditional create. */
  readonly repeatable: boolean;
  /** A search, such as `Patient?identifier=…`, that finds something once the whole transaction is stored. */
  readonly trace: string | undefined;
}

/** Which files go first: what others refer to by `Organization?identifier=` and `Practitioner?identifier=`. */
export const loadRank = (firstResourceType: string | undefined): 0 | 1 | 2 => {
  if (firstResourceType === 'Organization' || firstResourceType === 'Location') return 0;
  return firstResourceType === 'Practitioner' || firstResourceType === 'PractitionerRole' ? 1 : 2;
};

const textOf = (path: string): string => {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
};

/** Replaces each folder by the Bundles in it. */
export const expandFolders = (paths: readonly string[]): string[] =>
  paths.flatMap((path) =>
    statSync(path, { throwIfNoEntry: false })?.isDirectory()
      ? readdirSync(path)
          .filter((name) => /\.json(\.gz)?$/.test(name))
          .sort()
          .map((name) => join(path, name))
      : [path],
  );

const HEAD_BYTES = 16 * 1024;

/** The first kilobytes of a file, unpacked as far as they go. */
const headOf = (path: string): string => {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const bytes = head.subarray(0, readSync(file, head, 0, HEAD_BYTES, 0));
    return (path.endsWith('.gz') ? gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }) : bytes).toString('utf8');
  } finally {
    closeSync(file);
  }
};

/** The type of the Bundle's first resource, undefined for what isn't a readable Bundle (reading it whole says why). */
export const firstResourceType = (path: string): string | undefined => {
  try {
    const types = headOf(path).matchAll(/"resourceType"\s*:\s*"(\w+)"/g);
    types.next();
    return types.next().value?.[1];
  } catch {
    return undefined;
  }
};

const isRepeatable = ({ request }: Entry): boolean => request?.method === 'PUT' || request?.ifNoneExist !== undefined;

const traceOf = (entries: readonly Entry[]): string | undefined => {
  for (const { resource, request } of entries) {
    const identifier = resource?.identifier?.find(({ system, value }) => system !== undefined && value !== undefined);
    if (request?.method === 'POST' && identifier !== undefined) {
      return `${resource?.resourceType}?identifier=${encodeURIComponent(`${identifier.system}|${identifier.value}`)}&_count=1`;
    }
  }
  return undefined;
};

/** Reads one file; throws an Error that says what is wrong with it. */
export const readBundleFile = (path: string): BundleFile => {
  const text = textOf(path);
  const bundle = JSON.parse(text) as { resourceType?: string; type?: string; entry?: readonly Entry[] };
  if (bundle.resourceType !== 'Bundle') throw new Error(`it is a ${bundle.resourceType ?? 'JSON document'}, not a Bundle`);
  if (bundle.type !== 'transaction' && bundle.type !== 'batch')
    throw new Error(`it is a ${bundle.type} Bundle, not a transaction or batch`);
  const entries = bundle.entry ?? [];
  return {
    path,
    text,
    sha256: hash('sha256', text),
    kind: bundle.type,
    resources: entries.length,
    repeatable: entries.every(isRepeatable),
    trace: bundle.type === 'transaction' ? traceOf(entries) : undefined,
  };
};
