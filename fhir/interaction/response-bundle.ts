import { STATUS_CODES } from 'node:http';
import type { Interaction } from '../../proto/access/interaction.ts';
import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { newLogicalId } from '../store/logical-id.ts';
import type { Shelved } from './answer-shelf.ts';
import type { Entry } from './bundle.ts';

/** Characters of the answers to a Bundle, after which no entry is read for any more: a small one can ask for very much. */
export const MAX_ANSWERS = 64 << 20;

export const tooMuch = (): FhirError =>
  new FhirError('too-costly', `the answers to this Bundle have more than ${MAX_ANSWERS} characters: ask for less at once`);

export type Answer = Pick<Reply, 'status' | 'headers' | 'modifiedMs' | 'body'>;

const OUTCOME = '{"resourceType":"OperationOutcome"';

/** One entry of the answer, with the stored text as it is where `shown`; an OperationOutcome of a write goes into response.outcome. */
export const responseEntry = ({ status, headers, modifiedMs, body }: Answer, shown: boolean | 'outcome'): string => {
  const response = JSON.stringify({
    status: `${status} ${STATUS_CODES[status] ?? ''}`.trim(),
    location: headers['location'],
    etag: headers['etag'],
    lastModified: modifiedMs === undefined ? undefined : new Date(modifiedMs).toISOString(),
  });
  if (body === null || shown === false) return `{"response":${response}}`;
  if (status >= 400 || shown === 'outcome') return `{"response":${response.slice(0, -1)},"outcome":${body}}}`;
  return `{"resource":${body},"response":${response}}`;
};

const WRITES = new Set<Interaction>([
  'create',
  'update',
  'patch',
  'delete',
  'conditional-update',
  'conditional-patch',
  'conditional-delete',
]);

/** What was read, found or answered by an operation is what was asked for; what was written is shown only to who asks to see it. */
export const isShown = (
  { prefer }: Pick<Call, 'prefer'>,
  { method, target }: Pick<Entry, 'method' | 'target'>,
  { status, body }: Answer,
): boolean | 'outcome' => {
  if (method === 'HEAD') return status >= 400;
  if (!WRITES.has(target.interaction) || status >= 400) return true;
  if (prefer.return === 'OperationOutcome' && body?.startsWith(OUTCOME) === true) return 'outcome';
  return prefer.return === 'representation';
};

type ResponseType = 'batch-response' | 'transaction-response';

const headOf = (type: ResponseType): string => JSON.stringify({ resourceType: 'Bundle', id: newLogicalId(), type });

export const responseBundle = (type: ResponseType, entries: readonly string[]): string => {
  const head = headOf(type);
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`;
};

/** The same from shelves, each entry the next of its own: a text, or parts where that would be very long. */
export const shelvedBundle = (type: ResponseType, entries: readonly Shelved[]): Pick<Reply, 'body' | 'parts' | 'size'> => {
  if (entries.some(({ isPacked }) => isPacked)) {
    const size = [...new Set(entries)].reduce((sum, each) => sum + each.size, 0);
    return { body: null, parts: () => partsOf(type, entries), size };
  }
  return {
    body: responseBundle(
      type,
      [...piecesOf(entries)].map((piece) => String(piece).slice(1)),
    ),
  };
};

function* piecesOf(entries: readonly Shelved[]): Generator<string | Uint8Array> {
  for (let from = 0; from < entries.length;) {
    const shelf = entries[from]!;
    let end = from;
    while (entries[end] === shelf) end++;
    yield* shelf.take(end - from);
    from = end;
  }
}

/** What is shorter isn't sent on its own. */
const PART = 32 << 10;

function* partsOf(type: ResponseType, entries: readonly Shelved[]): Generator<Uint8Array> {
  let short: Uint8Array[] = [Buffer.from(`${headOf(type).slice(0, -1)},"entry":[`)];
  let size = short[0]!.length;
  let isFirst = true;
  for (const piece of piecesOf(entries)) {
    const withComma = typeof piece === 'string' ? Buffer.from(piece) : piece;
    const bytes = isFirst ? withComma.subarray(1) : withComma;
    isFirst = false;
    if (size > 0 && (size >= PART || bytes.length >= PART)) {
      yield Buffer.concat(short, size);
      short = [];
      size = 0;
    }
    if (bytes.length >= PART) yield bytes;
    else {
      short.push(bytes);
      size += bytes.length;
    }
  }
  yield Buffer.concat([...short, Buffer.from(']}')]);
}
