/** The largest Bundles that the server takes: what it needs for them decides how much memory it must have. */
import { bundleOf } from './bundle-file.ts';
import type { Transport } from './transport.ts';

const MOST_ENTRIES = 19_990;
/** So that as many entries have 50 MB together, as what hospitals send has. */
const NARRATIVE = 'Observed at the visit; see the record of the encounter. '.repeat(22);

interface Entry {
  readonly resource: Readonly<Record<string, unknown>>;
}

const withNarrative = ({ resource, ...entry }: Entry): object => {
  const div = `<div xmlns="http://www.w3.org/1999/xhtml"><p>${NARRATIVE}</p></div>`;
  return { ...entry, resource: { ...resource, text: { status: 'generated', div } } };
};

/** Copies of a Bundle as one of `bytes` or so, with the addresses of each copy its own. */
export const largeBundle = (type: 'batch' | 'transaction', path: string, bytes: number): string => {
  const { entry } = JSON.parse(bundleOf(path).body) as { readonly entry: readonly Entry[] };
  const texts = entry.map((each) => JSON.stringify(withNarrative(each)));
  const all: string[] = [];
  let size = 0;
  for (let copy = 0; size < bytes && all.length + texts.length <= MOST_ENTRIES; copy++) {
    const own = copy.toString(16).padStart(8, '0');
    for (const text of texts) {
      const written = text.replaceAll(/urn:uuid:[0-9a-f]{8}/g, `urn:uuid:${own}`);
      size += Buffer.byteLength(written) + 1;
      all.push(written);
    }
  }
  return `{"resourceType":"Bundle","type":"${type}","entry":[${all.join(',')}]}`;
};

export interface LargeResult {
  readonly status: number;
  readonly seconds: number;
  /** Searches that were answered meanwhile, and the longest time that one took. */
  readonly reads: number;
  readonly slowestReadMs: number;
}

/** Posts a Bundle with searches beside it, one after the other. */
export const postLarge = async ({ send }: Transport, body: string): Promise<LargeResult> => {
  const started = performance.now();
  const answered = new AbortController();
  let reads = 0;
  let slowestReadMs = 0;
  const read = async (): Promise<void> => {
    while (!answered.signal.aborted) {
      const begun = performance.now();
      const { status } = await send('GET', '/Patient?_count=5');
      if (status !== 200) throw new Error(`a search beside a large Bundle was answered with ${status}`);
      reads++;
      slowestReadMs = Math.max(slowestReadMs, performance.now() - begun);
    }
  };
  const post = async (): Promise<number> => {
    try {
      return (await send('POST', '', body)).status;
    } finally {
      answered.abort();
    }
  };
  const [status] = await Promise.all([post(), read()]);
  return { status, seconds: (performance.now() - started) / 1000, reads, slowestReadMs };
};
