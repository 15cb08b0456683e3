import type { Terms } from './terms.ts';

/** Why something wasn't taken; never quotes what the receiver said. */
export class NotTaken extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'NotTaken';
  }
}

export interface Message {
  readonly type: string;
  readonly id: string;
  /** In the form that the terms ask for; null: it was deleted. */
  readonly body: string | null;
}

const TIMEOUT_MS = 10_000;

/**
 * Tells the receiver of one resource: an empty POST to the endpoint, or with a payload an update or delete there (PUT or DELETE
 * endpoint/Type/id). Resolves when it has answered 2xx, or to a delete that there is nothing; else throws {@link NotTaken}. A redirection
 * isn't followed, since nobody allowed where it leads.
 */
export const send = async (
  { endpoint, hasPayload, isXml, headers }: Terms,
  { type, id, body }: Message,
  signal: AbortSignal,
): Promise<void> => {
  const sent = hasPayload ? body : null;
  let response: Response;
  try {
    response = await fetch(hasPayload ? `${endpoint}/${type}/${id}` : endpoint, {
      method: !hasPayload ? 'POST' : body === null ? 'DELETE' : 'PUT',
      headers: { ...headers, ...(sent !== null && { 'content-type': `application/fhir+${isXml ? 'xml' : 'json'}; charset=utf-8` }) },
      body: sent,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
  } catch (cause) {
    const isLate = (cause as Error).name === 'TimeoutError';
    throw new NotTaken(isLate ? `the receiver did not answer within ${TIMEOUT_MS / 1000} s` : 'the receiver could not be reached');
  }
  await response.body?.cancel().catch(() => undefined);
  const isGone = hasPayload && body === null && (response.status === 404 || response.status === 410);
  if (!response.ok && !isGone) throw new NotTaken(`the receiver answered ${response.status}`);
};
