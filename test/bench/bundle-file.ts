import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { BundleFile } from './mode.ts';

/** A Bundle to post, from a .json or .json.gz file. */
export const bundleOf = (path: string): BundleFile => {
  const bytes = readFileSync(path);
  const bundle = JSON.parse((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as { entry: unknown[] };
  return { body: JSON.stringify(bundle), entries: bundle.entry.length };
};
