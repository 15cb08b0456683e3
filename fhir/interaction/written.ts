import type { Audited } from '../audit/audited.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { outcomeText } from '../http/outcome.ts';
import { etagOf } from '../http/preconditions.ts';
import type { Server } from '../server.ts';
import { isRetryable } from '../store/errors.ts';
import type { Plan } from './plan.ts';

const ATTEMPTS = 8;

/** Does `attempt` again while others write the same resource in between: nothing was stored by the attempts that failed. */
export const untilCurrent = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0 || !isRetryable(error)) throw error;
    }
  }
};

/** Commits plans together, those that change nothing by their event alone. */
export const commit = ({ lane }: Pick<Server, 'lane'>, plans: readonly Plan[]): Promise<Audited> =>
  lane.submit(
    plans.flatMap(({ write }) => write ?? []),
    plans.flatMap(({ write, event }) => (write === undefined ? [event] : [])),
  );

/** Headers that tell which version there is now. */
export const versionHeaders = (
  server: Pick<Server, 'baseUrl'>,
  { type, id, version, updatedMs, status }: Plan,
): Record<string, string> => ({
  ...(version > 0 && { etag: etagOf(version), 'last-modified': new Date(updatedMs).toUTCString() }),
  ...(status === 201 && { location: `${server.baseUrl}/${type}/${id}/_history/${version}` }),
});

/** The answer to a write, with what the client prefers to see. Source: http://hl7.org/fhir/R4/http.html#ops */
export const written = (server: Pick<Server, 'baseUrl'>, { prefer }: Pick<Call, 'prefer'>, plan: Plan, audited: Audited): Reply => {
  const headers = versionHeaders(server, plan);
  if (prefer.return === 'OperationOutcome' && plan.status !== 204) {
    const diagnostics = `${plan.type}/${plan.id} is at version ${plan.version}`;
    const body = outcomeText([{ severity: 'information', code: 'informational', diagnostics }]);
    return { status: plan.status, headers: { ...headers, 'content-type': FHIR_JSON }, body, audited };
  }
  if (prefer.return === 'minimal' || plan.body === null) return { status: plan.status, headers, body: null, audited };
  return { status: plan.status, headers: { ...headers, 'content-type': FHIR_JSON }, body: plan.body, audited };
};
