/** One Subscription: what becomes of it, and telling its receiver what is to be told, one after the other. */
import { randomUUID } from 'node:crypto';
import { patientsOf } from '../audit/patients.ts';
import { record } from '../audit/trail.ts';
import type { Call } from '../http/call.ts';
import type { Identity } from '../http/identity.ts';
import { FhirError } from '../http/outcome.ts';
import { planUpdate } from '../interaction/plan.ts';
import { commit } from '../interaction/written.ts';
import type { Server } from '../server.ts';
import { isRetryable } from '../store/errors.ts';
import { readHead, readVersion } from '../store/head.ts';
import { toXml } from '../xml/to-xml.ts';
import type { EndpointCheck } from './endpoint.ts';
import { NotTaken, send } from './send.ts';
import { withStatus } from './status-text.ts';
import { nextDelivery, postpone, removeDelivery, type SubscriptionRow } from './subscription-table.ts';
import { missingFor, readTerms, type Terms } from './terms.ts';

/** A Subscription that somebody waits for. */
export interface Subscriber {
  readonly row: SubscriptionRow;
  readonly identity: Identity;
  readonly terms: Terms;
  readonly status: 'requested' | 'active';
}

/** Not a name that a client can have. */
const SERVER: Identity = { client: '$server', fingerprint: undefined, requestId: undefined, scopes: new Map(), operations: [] };

/** Undefined where it is off, in error or deleted; throws FhirError where its terms can't be kept to any more. */
export const subscriberOf = (server: Server, row: SubscriptionRow, isAllowed: EndpointCheck): Subscriber | undefined => {
  const resource = row.body === null ? undefined : (JSON.parse(row.body) as Readonly<Record<string, unknown>>);
  const status = resource?.['status'];
  if (resource === undefined || (status !== 'requested' && status !== 'active')) return undefined;
  const terms = readTerms(resource, server, isAllowed);
  const { client, fingerprint, scopes } = row;
  const identity: Identity = {
    client,
    fingerprint: fingerprint ?? undefined,
    requestId: undefined,
    scopes: new Map(JSON.parse(scopes) as [string, number][]),
    operations: [],
  };
  const missing = missingFor(identity.scopes, terms.type);
  if (missing !== undefined) throw new FhirError('forbidden', `the client ${client} needs the scope ${missing} to be told of this`);
  return { row, identity, terms, status };
};

/** Makes a new version of a Subscription with another status. Where a client writes it at the same time, that one wins. */
export const setStatus = async (
  server: Server,
  { rid, id, version }: SubscriptionRow,
  status: 'active' | 'error' | 'off',
  error?: string,
): Promise<void> => {
  const type = 'Subscription';
  const head = await readHead(server.db, server.registry.typeId(type), id);
  if (head === undefined || head.rid !== rid || head.version !== version || head.body === null) return;
  const text = withStatus(head.body, status, error);
  const caller = {
    identity: SERVER,
    requestId: randomUUID(),
    target: { interaction: 'update', class: 'write', resourceType: type, id } as const,
  };
  // What clients may write is a rule for clients.
  const plan = planUpdate(
    { ...server, writeRules: new Map() },
    caller,
    { type, text, resource: JSON.parse(text) as Record<string, unknown> },
    head,
  );
  try {
    await commit(server, [plan]);
  } catch (error_) {
    if (!isRetryable(error_)) throw error_;
  }
};

export interface SenderOptions {
  /** So many attempts that fail, and the Subscription is in error. */
  readonly maxAttempts: number;
  /** Begins no further notification. */
  readonly ending: AbortSignal;
  /** Lets go of the one that is under way. */
  readonly cut: AbortSignal;
}

const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 900_000;
/** Then it is another one's turn. */
const TURN_MS = 5000;

export const delayMs = (attempts: number): number => Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempts, 20));

/** Tells what is to be told, in order, up to the first that isn't taken, until the Subscription or its client's scopes change, or its turn is over. */
export const tellAll = async (server: Server, subscriber: Subscriber, { maxAttempts, ending, cut }: SenderOptions): Promise<void> => {
  const { row, terms } = subscriber;
  const end = performance.now() + TURN_MS;
  while (!ending.aborted && performance.now() < end) {
    const delivery = await nextDelivery(server.db, row);
    if (delivery === undefined) return;
    const head = await readHead(server.db, delivery.typeId, delivery.id);
    const written = head && (await readVersion(server.db, head, delivery.version));
    // Criteria may have changed since it was noted: what is of another type isn't what is asked for now, nor what the scopes were looked at for.
    const isAskedFor = delivery.typeId === server.registry.typeId(terms.type);
    if (isAskedFor && written !== undefined && (written.body !== null || terms.tellsDeletes)) {
      const body = written.body !== null && terms.isXml ? toXml(written.body, server.registry) : written.body;
      const message = { type: terms.type, id: delivery.id, body };
      const caller = callerOf(subscriber, message);
      const resource = `${terms.type}/${delivery.id}`;
      const about = written.body ?? (await readVersion(server.db, head!, delivery.version - 1))?.body;
      const patients = patientsOf(typeof about === 'string' ? [{ ...message, body: about }] : [], server.baseUrl);
      const reason = `notification of Subscription/${row.id}`;
      // Before it leaves the house: what was sent and not recorded could never be found out.
      await record(server.outbox, caller, { status: 202, resource, version: delivery.version, patients, reason });
      try {
        await send(terms, message, cut);
      } catch (error) {
        if (!(error instanceof NotTaken) || cut.aborted) throw error;
        await record(server.outbox, caller, { status: 502, resource, version: delivery.version, reason: `${reason}: ${error.message}` });
        await postpone(server.db, row.rid, delayMs(row.attempts));
        if (row.attempts + 1 >= maxAttempts)
          await setStatus(server, row, 'error', `${error.message}, ${maxAttempts} times: write status requested to begin again`);
        return;
      }
    }
    await removeDelivery(server.db, delivery);
    if (row.attempts > 0) return; // read anew, so that the next failure counts from none
  }
};

const callerOf = (
  { identity }: Subscriber,
  { type, id }: { readonly type: string; readonly id: string },
): Pick<Call, 'identity' | 'requestId' | 'target'> => ({
  identity,
  requestId: randomUUID(),
  target: { interaction: 'operation', class: 'operation', resourceType: type, id },
});
