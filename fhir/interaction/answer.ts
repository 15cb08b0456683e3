import { record, unnamed } from '../audit/trail.ts';
import { isLarge } from '../http/body.ts';
import type { Call, Refusal, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError, outcomeText } from '../http/outcome.ts';
import { withTightHeap } from '../heap-growth.ts';
import { inOnePiece } from '../json/bytes.ts';
import type { Server } from '../server.ts';
import { asFhirError, isDataException } from '../store/errors.ts';
import { batch } from './batch.ts';
import { type IncomingBundle, parseBundle } from './bundle.ts';
import { interact } from './interaction.ts';
import { refuseStrayProvenance } from './provenance.ts';
import { transaction } from './transaction.ts';

/** Hears of faults that are ours; never gets anything that a client sent. */
export type OnFault = (fault: { readonly request: string; readonly interaction: string; readonly error: unknown }) => void;

/** Answers a call whatever happens: what is thrown becomes an OperationOutcome, and an event. */
export const answer = async (server: Server, call: Call, onFault: OnFault): Promise<Reply | Refusal> => {
  try {
    if (call.target.interaction !== 'batch') return await interact(server, call);
    return await bundle(server, call, onFault);
  } catch (error) {
    return refuse(server, call, error, onFault);
  }
};

/** Keeps no hold of the body's bytes, which are many, once it is parsed. */
const parsed = async (server: Server, call: Call): Promise<IncomingBundle> => {
  const bytes = (await call.bytes?.()) ?? inOnePiece(Buffer.from(await call.text()));
  const parse = (): Promise<IncomingBundle> => parseBundle(bytes, server.baseUrl, server.limits.bundleEntries);
  return isLarge(bytes) ? withTightHeap(parse) : parse();
};

const bundle = async (server: Server, call: Call, onFault: OnFault): Promise<Reply> => {
  refuseStrayProvenance(call);
  const incoming = await parsed(server, call);
  const process = (): Promise<Reply> =>
    incoming.type === 'transaction'
      ? transaction(server, call, incoming)
      : batch(server, call, incoming.entries, (entryCall) => answer(server, entryCall, onFault));
  return incoming.isLarge ? withTightHeap(process) : process();
};

const refuse = async (server: Server, call: Call, error: unknown, onFault: OnFault): Promise<Refusal> => {
  const fault = (cause: unknown): void => onFault({ request: call.requestId, interaction: call.target.interaction, error: cause });
  let known = error instanceof FhirError ? error : asFhirError(error);
  if (isDataException(error)) fault(error); // the client's value, but a check of ours is missing
  if (known === undefined) {
    fault(error);
    known = new FhirError('exception', `the server failed: tell its operator the request id ${call.requestId}`);
  }
  // A transaction is refused for one of its entries: the trail says what that was after.
  const target = known.target ?? call.target;
  const resource = target.resourceType !== undefined && target.id !== undefined ? `${target.resourceType}/${target.id}` : undefined;
  try {
    await record(server.outbox, call, { status: known.status, resource, address: unnamed(target, resource), reason: known.kind });
  } catch (cause) {
    fault(cause);
  }
  return {
    refused: true,
    status: known.status,
    headers: { ...known.headers, 'content-type': FHIR_JSON },
    body: outcomeText(known.issues),
  };
};
