import { STATUS_CODES } from 'node:http';
import type { Reply } from '../http/call.ts';
import { newLogicalId } from '../store/logical-id.ts';

/** One entry of the answer, with the stored text as it is where `shown`; an OperationOutcome goes into response.outcome. */
export const responseEntry = ({ status, headers, body }: Pick<Reply, 'status' | 'headers' | 'body'>, shown: boolean): string => {
  const modified = headers['last-modified'];
  const response = JSON.stringify({
    status: `${status} ${STATUS_CODES[status] ?? ''}`.trim(),
    location: headers['location'],
    etag: headers['etag'],
    lastModified: modified === undefined ? undefined : new Date(modified).toISOString(),
  });
  if (body === null || !shown) return `{"response":${response}}`;
  if (status >= 400) return `{"response":${response.slice(0, -1)},"outcome":${body}}}`;
  return `{"resource":${body},"response":${response}}`;
};

export const responseBundle = (type: 'batch-response' | 'transaction-response', entries: readonly string[]): string => {
  const head = JSON.stringify({ resourceType: 'Bundle', id: newLogicalId(), type });
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`;
};
