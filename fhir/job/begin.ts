import { randomUUID } from 'node:crypto';
import { Audited } from '../audit/audited.ts';
import { eventOf, type Outcome } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError, outcomeText } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import type { JobKindName } from './job.ts';
import { insertJob } from './job-table.ts';

/** Jobs of one client that may wait or run at once. */
const MOST = 10;

/** In JSON: an escape, not one of a backslash that stands for itself. */
const NUL = /(?<!\\)(?:\\\\)*\\u0000/;

/** The database reads this as jsonb, which holds no U+0000. */
const requestText = (request: object): string => {
  const text = JSON.stringify(request);
  if (NUL.test(text)) throw new FhirError('invalid', 'the request holds a NUL (U+0000), which no value of FHIR can hold');
  return text;
};

/** Stores a job with the event of its beginning and answers 202 with the address to ask at; 429 where the client has too many. */
export const beginJob = async (
  server: Server,
  call: Call,
  kind: JobKindName,
  { request, outcome = {} }: { readonly request: object; readonly outcome?: Partial<Outcome> },
): Promise<Reply> => {
  // Within a transaction its statement would stay although the transaction is undone.
  if (server.db !== server.sql)
    throw new FhirError('not-supported', `$${kind} goes on in the background and can't be part of a transaction: send it on its own`);
  const text = requestText(request);
  const id = randomUUID();
  const { client } = call.identity;
  const event = eventOf(call, { status: 202, ...outcome, job: { id, ...outcome.job } });
  let stored = false;
  const audited = await Audited.after(
    insertJob(server.sql, { id, kind, client, request: text, event, most: MOST }).then((done) => (stored = done)),
  );
  if (!stored) {
    throw new FhirError('throttled', `your client has ${MOST} jobs waiting already: wait for one, or cancel it by DELETE`, {
      headers: { 'retry-after': '30' },
    });
  }
  server.jobs.wake();
  const location = `${server.baseUrl}/$${kind}/${id}`;
  const diagnostics = `begun: ask at ${location} how far it is`;
  return {
    status: 202,
    headers: { 'content-location': location, 'retry-after': '1', 'content-type': FHIR_JSON },
    body: outcomeText([{ severity: 'information', code: 'informational', diagnostics }]),
    audited,
  };
};
