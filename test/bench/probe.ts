import { createRequests, type RequestSource } from './mode.ts';
import { textOf, type Transport } from './transport.ts';

/** What a fixed number of requests found, to see that two servers answer alike. */
export interface Found {
  readonly matches: number;
  readonly included: number;
  readonly failures: number;
  readonly firstFailure?: string | undefined;
}

const PROBES = 40;
/** A caller that no load has, so that the probes are requests of their own. */
const PROBE_CALLER = 100_000;

/** Sends the same requests whatever the server; one after the other. */
export const probe = async (transport: Transport, source: RequestSource): Promise<Found> => {
  const next = createRequests(source, PROBE_CALLER);
  let matches = 0;
  let included = 0;
  let failures = 0;
  let firstFailure: string | undefined;
  for (let i = 0; i < (source.mode === 'bundle' ? 2 : PROBES); i++) {
    const { method, path, body } = next();
    const answer = await transport.send(method, path, body);
    const text = textOf(answer);
    if (answer.status < 200 || answer.status > 299) {
      failures++;
      firstFailure ??= `${answer.status} ${method} ${path} ${text.slice(0, 400)}`;
    } else if (method === 'GET') {
      const resource = JSON.parse(text) as { resourceType: string; entry?: { search?: { mode?: string } }[] };
      if (resource.resourceType !== 'Bundle') matches++;
      for (const { search } of resource.entry ?? []) {
        if (search?.mode === 'match') matches++;
        else if (search?.mode === 'include') included++;
      }
    } else if (source.mode === 'bundle') {
      matches += (JSON.parse(text) as { entry?: unknown[] }).entry?.length ?? 0;
    } else matches++;
  }
  return { matches, included, failures, firstFailure };
};
