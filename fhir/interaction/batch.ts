import { neededScopes } from '../../proto/access/scope.ts';
import { record } from '../audit/trail.ts';
import type { Call, Refusal, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError, outcomeText } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { createShelf, type Shelved } from './answer-shelf.ts';
import type { Entry } from './bundle.ts';
import { entryCall } from './entry-call.ts';
import { isShown, MAX_ANSWERS, responseEntry, shelvedBundle, tooMuch } from './response-bundle.ts';

/** As many entries at once as share a commit well, and as leave connections to others. */
const AT_ONCE = 4;

type AnswerEntry = (call: Call) => Promise<Reply | Refusal>;

const isWrite = ({ target }: Entry): boolean => neededScopes(target).some(({ letter }) => letter !== 'r' && letter !== 's');

/** The order that R4 takes a batch to be done in, as a transaction is; a patch finds what a PUT beside it makes. Reads see all that was done. */
const STEPS = ['DELETE', 'POST', 'PUT', 'PATCH', 'read'] as const;
type Step = (typeof STEPS)[number];

const stepOf = (entry: Entry | FhirError): Step =>
  (!(entry instanceof FhirError) && isWrite(entry) && STEPS.find((step) => step === entry.method)) || 'read';

/** Each entry on its own, in no order but that of the steps, with its own event. Source: http://hl7.org/fhir/R4/http.html#brules */
export const batch = async (
  server: Server,
  call: Call,
  entries: readonly (Entry | FhirError)[],
  answerEntry: AnswerEntry,
): Promise<Reply> => {
  let size = 0;
  /** The text of one entry's answer. */
  const answerTo = async (entry: Entry | FhirError): Promise<string> => {
    if (entry instanceof FhirError || (size > MAX_ANSWERS && !isWrite(entry))) {
      const { status, issues } = entry instanceof FhirError ? entry : tooMuch();
      return responseEntry({ status, headers: {}, body: outcomeText(issues) }, true);
    }
    const reply = await answerEntry(entryCall(call, entry));
    // What is done is done, and said; only what it looks like is left out.
    return responseEntry(reply, size > MAX_ANSWERS && reply.status < 400 ? false : isShown(call, entry, reply));
  };
  /** Answers to some entries, in their order, whichever is done first. */
  const answersTo = async (some: readonly (Entry | FhirError)[]): Promise<Shelved> => {
    const shelf = createShelf();
    const waiting = new Map<number, string>();
    let shelved = 0;
    const tell = async (index: number, text: string): Promise<void> => {
      waiting.set(index, text);
      size += text.length;
      for (let next = waiting.get(shelved); next !== undefined; next = waiting.get(shelved)) {
        waiting.delete(shelved++);
        await shelf.add(next);
      }
    };
    const queue = some.entries();
    const work = async (): Promise<void> => {
      for (const [index, entry] of queue) await tell(index, await answerTo(entry));
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, some.length) }, work));
    return shelf.end();
  };
  const steps = entries.map(stepOf);
  const answers = new Map<Step, Shelved>();
  for (const step of STEPS) answers.set(step, await answersTo(entries.filter((_, i) => steps[i] === step)));
  const audited = await record(server.outbox, call, { status: 200, count: entries.length });
  const body = shelvedBundle(
    'batch-response',
    steps.map((step) => answers.get(step)!),
  );
  return { status: 200, headers: { 'content-type': FHIR_JSON }, ...body, audited };
};
