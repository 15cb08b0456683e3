/** A request that is answered later, since its client would rather not wait. Source: http://hl7.org/fhir/R4/async.html */
import type { Interaction } from '../../proto/access/interaction.ts';
import type { Call, Reply } from '../http/call.ts';
import { FhirError, outcomeText } from '../http/outcome.ts';
import { findOperation } from '../operation/operations.ts';
import type { Server } from '../server.ts';
import { asFhirError } from '../store/errors.ts';
import { responseBundle, responseEntry } from '../interaction/response-bundle.ts';
import { beginJob } from './begin.ts';
import { callerOf, type JobKind, type Requester, requesterOf } from './job.ts';

const LONG: ReadonlySet<Interaction> = new Set([
  'search-type',
  'search-system',
  'search-compartment',
  'history-instance',
  'history-type',
  'history-system',
]);
const MAX_TEXT = 65_536;

interface AsyncRequest {
  readonly requester: Requester;
  readonly query: string;
  readonly text: string;
  readonly contentType: string | undefined;
  readonly isPost: boolean;
  readonly lenient: boolean;
}

/** Whether a request may be answered later: it only reads, and can take long. For others the wish is left aside, as RFC 7240 allows. */
export const isAnsweredLater = ({ target, prefer }: Call): boolean =>
  prefer.respondAsync &&
  (LONG.has(target.interaction) ||
    (target.interaction === 'operation' && findOperation(target)?.isRead === true && target.class !== 'bulk'));

/** Begins the job of a request that has been found allowed. */
export const answerLater = async (server: Server, call: Call): Promise<Reply> => {
  const text = call.isPost ? await call.text() : '';
  if (text.length > MAX_TEXT) throw new FhirError('too-costly', `a request to be answered later has ${MAX_TEXT} characters at most`);
  const request: AsyncRequest = {
    requester: requesterOf(call),
    query: call.query,
    text,
    contentType: call.header('content-type'),
    isPost: call.isPost,
    lenient: call.prefer.lenient,
  };
  return beginJob(server, call, 'async', { request });
};

/** Does what was asked as if it came now; the result is a batch-response of one entry, as R5 has it for this pattern. */
export const createAsyncKind = (interact: (server: Server, call: Call) => Promise<Reply>): JobKind => ({
  run: async ({ server, job, scopes }) => {
    const { requester, query, text, contentType, isPost, lenient } = JSON.parse(job.request) as AsyncRequest;
    const call: Call = {
      ...callerOf(requester, await scopes()),
      query,
      isPost,
      prefer: { return: undefined, lenient, respondAsync: false },
      header: (name) => (name === 'content-type' ? contentType : undefined),
      text: () => Promise.resolve(text),
    };
    const reply = await interact(server, call).catch((error: unknown) => {
      const known = error instanceof FhirError ? error : asFhirError(error);
      if (known === undefined || known.status >= 500) throw error;
      return { status: known.status, headers: known.headers, body: outcomeText(known.issues) };
    });
    return { status: 'done', result: responseBundle('batch-response', [responseEntry(reply, true)]), events: [] };
  },
  discard: () => Promise.resolve(),
});
