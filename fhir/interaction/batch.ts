import { record } from '../audit/trail.ts';
import type { Call, Refusal, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError, outcomeText } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import type { Entry } from './bundle.ts';
import { entryCall } from './entry-call.ts';
import { isShown, responseBundle, responseEntry } from './response-bundle.ts';

/** As many entries at once as share a commit well, and as leave connections to others. */
const AT_ONCE = 6;

type AnswerEntry = (call: Call) => Promise<Reply | Refusal>;

/** Each entry on its own, in no order, with its own event. Source: http://hl7.org/fhir/R4/http.html#brules */
export const batch = async (
  server: Server,
  call: Call,
  entries: readonly (Entry | FhirError)[],
  answerEntry: AnswerEntry,
): Promise<Reply> => {
  const answers: string[] = Array.from({ length: entries.length });
  const queue = entries.entries();
  const work = async (): Promise<void> => {
    for (const [index, entry] of queue) {
      if (entry instanceof FhirError) {
        answers[index] = responseEntry({ status: entry.status, headers: {}, body: outcomeText(entry.issues) }, true);
        continue;
      }
      const reply = await answerEntry(entryCall(call, entry));
      answers[index] = responseEntry(reply, isShown(call, entry, reply));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, entries.length) }, work));
  const audited = await record(server.outbox, call, { status: 200, count: entries.length });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: responseBundle('batch-response', answers), audited };
};
