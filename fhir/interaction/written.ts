import { setTimeout } from 'node:timers/promises';
import { Audited } from '../audit/audited.ts';
import { inTransaction } from '../audit/verified-commit.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { outcomeText } from '../http/outcome.ts';
import { etagOf } from '../http/preconditions.ts';
import type { Server } from '../server.ts';
import { isRetryable } from '../store/errors.ts';
import type { Plan, Told } from './plan.ts';
import { store } from './store-plans.ts';

const ATTEMPTS = 12;
const LONGEST_PAUSE_MS = 80;

/**
 * Does `attempt` again while others write the same resource in between: nothing was stored by the attempts that failed. Pauses are random and
 * grow, so that many writers of one resource come through one after the other.
 */
export const untilCurrent = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0 || !isRetryable(error)) throw error;
      await setTimeout(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** (ATTEMPTS - left)));
    }
  }
};

/** Commits plans together, those that change nothing by their event alone. */
export const commit = ({ lane, sql }: Pick<Server, 'lane' | 'sql'>, plans: readonly Plan[]): Promise<Audited> => {
  // What has to be looked at after the write can't share a commit with others.
  if (plans.some(({ integrity }) => integrity !== undefined)) return Audited.after(inTransaction(sql, (db) => store(db, plans)));
  return lane.submit(
    plans.flatMap(({ write }) => write ?? []),
    plans.flatMap(({ write, event }) => (write === undefined ? [event] : [])),
  );
};

/** Headers that tell which version there is now. */
export const versionHeaders = (
  server: Pick<Server, 'baseUrl'>,
  { type, id, version, updatedMs, status }: Told,
): Record<string, string> => ({
  ...(version > 0 && { etag: etagOf(version), 'last-modified': new Date(updatedMs).toUTCString() }),
  ...((status === 201 || (status === 200 && version > 0)) && { location: `${server.baseUrl}/${type}/${id}/_history/${version}` }),
});

/** What a client sees of a write that wants to see so much of it. Source: http://hl7.org/fhir/R4/http.html#ops */
export const shownAs = (
  server: Pick<Server, 'baseUrl'>,
  shown: NonNullable<Call['prefer']['return']>,
  plan: Told,
): Pick<Reply, 'status' | 'headers' | 'modifiedMs' | 'body'> => {
  const { status, body } = plan;
  const modifiedMs = plan.version > 0 ? plan.updatedMs : undefined;
  const headers = versionHeaders(server, plan);
  if (shown === 'OperationOutcome' && status !== 204) {
    const diagnostics = `${plan.type}/${plan.id} is at version ${plan.version}`;
    const outcome = outcomeText([{ severity: 'information', code: 'informational', diagnostics }]);
    return { status, headers: { ...headers, 'content-type': FHIR_JSON }, modifiedMs, body: outcome };
  }
  if (shown === 'minimal' || body === null) return { status, headers, modifiedMs, body: null };
  return { status, headers: { ...headers, 'content-type': FHIR_JSON }, modifiedMs, body };
};

/** The answer to a write, with what the client prefers to see. */
export const written = (server: Pick<Server, 'baseUrl'>, { prefer }: Pick<Call, 'prefer'>, plan: Plan, audited: Audited): Reply => ({
  ...shownAs(server, prefer.return ?? 'representation', plan),
  audited,
});
