import { STATUS_CODES } from 'node:http';
import type { Interaction } from '../../proto/access/interaction.ts';
import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { newLogicalId } from '../store/logical-id.ts';
import type { Entry } from './bundle.ts';

/** Characters of the answers to a Bundle, after which no entry is read for any more: a small one can ask for very much. */
export const MAX_ANSWERS = 64 << 20;

export const tooMuch = (): FhirError =>
  new FhirError('too-costly', `the answers to this Bundle have more than ${MAX_ANSWERS} characters: ask for less at once`);

type Shown = Pick<Reply, 'status' | 'headers' | 'modifiedMs' | 'body'>;

const OUTCOME = '{"resourceType":"OperationOutcome"';

/** One entry of the answer, with the stored text as it is where `shown`; an OperationOutcome of a write goes into response.outcome. */
export const responseEntry = ({ status, headers, modifiedMs, body }: Shown, shown: boolean | 'outcome'): string => {
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
  { status, body }: Shown,
): boolean | 'outcome' => {
  if (method === 'HEAD') return status >= 400;
  if (!WRITES.has(target.interaction) || status >= 400) return true;
  if (prefer.return === 'OperationOutcome' && body?.startsWith(OUTCOME) === true) return 'outcome';
  return prefer.return === 'representation';
};

export const responseBundle = (type: 'batch-response' | 'transaction-response', entries: readonly string[]): string => {
  const head = JSON.stringify({ resourceType: 'Bundle', id: newLogicalId(), type });
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`;
};
