import { neededScopes } from '../../proto/access/scope.ts';
import { record } from '../audit/trail.ts';
import type { Call, Refusal, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError, outcomeText } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { createShelf } from './answer-shelf.ts';
import type { Entry } from './bundle.ts';
import { entryCall } from './entry-call.ts';
import { isShown, MAX_ANSWERS, responseEntry, shelvedBundle, tooMuch } from './response-bundle.ts';

/** As many entries at once as share a commit well, and as leave connections to others. */
const AT_ONCE = 6;

type AnswerEntry = (call: Call) => Promise<Reply | Refusal>;

const isWrite = ({ target }: Entry): boolean => neededScopes(target).some(({ letter }) => letter !== 'r' && letter !== 's');

/** Each entry on its own, in no order, with its own event. Source: http://hl7.org/fhir/R4/http.html#brules */
export const batch = async (
  server: Server,
  call: Call,
  entries: readonly (Entry | FhirError)[],
  answerEntry: AnswerEntry,
): Promise<Reply> => {
  const shelf = createShelf();
  const waiting = new Map<number, string>();
  let shelved = 0;
  /** In the order of the entries, whichever is done first. */
  const tell = async (index: number, text: string): Promise<void> => {
    waiting.set(index, text);
    size += text.length;
    for (let next = waiting.get(shelved); next !== undefined; next = waiting.get(shelved)) {
      waiting.delete(shelved++);
      await shelf.add(next);
    }
  };
  const queue = entries.entries();
  let size = 0;
  const work = async (): Promise<void> => {
    for (const [index, entry] of queue) {
      if (entry instanceof FhirError || (size > MAX_ANSWERS && !isWrite(entry))) {
        const { status, issues } = entry instanceof FhirError ? entry : tooMuch();
        await tell(index, responseEntry({ status, headers: {}, body: outcomeText(issues) }, true));
        continue;
      }
      const reply = await answerEntry(entryCall(call, entry));
      // What is done is done, and said; only what it looks like is left out.
      await tell(index, responseEntry(reply, size > MAX_ANSWERS && reply.status < 400 ? false : isShown(call, entry, reply)));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, entries.length) }, work));
  const audited = await record(server.outbox, call, { status: 200, count: entries.length });
  const answers = await shelf.end();
  const body = shelvedBundle(
    'batch-response',
    entries.map(() => answers),
  );
  return { status: 200, headers: { 'content-type': FHIR_JSON }, ...body, audited };
};
