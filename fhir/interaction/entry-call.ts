import type { Call } from '../http/call.ts';
import type { Entry } from './bundle.ts';

const HEADERS = {
  'if-match': 'ifMatch',
  'if-none-match': 'ifNoneMatch',
  'if-modified-since': 'ifModifiedSince',
  'if-none-exist': 'ifNoneExist',
  'content-type': 'contentType',
} as const satisfies Record<string, keyof Entry>;

/** The request that an entry of a Bundle stands for, made by whoever sent the Bundle. */
export const entryCall = (call: Call, entry: Entry): Call => ({
  target: entry.target,
  identity: call.identity,
  requestId: call.requestId,
  // The Bundle is answered as a whole: none of its entries can be answered later.
  prefer: { ...call.prefer, respondAsync: false },
  isPost: entry.method === 'POST',
  query: entry.query,
  header: (name) => (name in HEADERS ? entry[HEADERS[name as keyof typeof HEADERS]] : undefined),
  text: () => Promise.resolve(entry.text()),
});
