/** What stands before the FHIR interface on its port: /health for Envoy, and the way in and out of a process that starts or drains. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { FHIR_JSON } from './negotiation.ts';
import { FhirError, outcomeText } from './outcome.ts';

export interface Front {
  readonly listener: RequestListener;
  /** From now on requests are answered by `app`; before, they are refused with 503. */
  readonly open: (app: RequestListener) => void;
  /** From now on each answer is the last of its connection. */
  readonly drain: () => void;
}

const STARTING = new FhirError('unavailable', 'the server starts: retry', { headers: { 'retry-after': '1' } });

/** /health lies outside of the base path, so that nobody reaches it through Envoy; it asks nobody and is in no trail. */
export const createFront = ({ isReady }: { readonly isReady: () => boolean }): Front => {
  let app: RequestListener | undefined;
  let isDraining = false;
  return {
    open: (listener) => {
      app = listener;
    },
    drain: () => {
      isDraining = true;
    },
    listener: (request: IncomingMessage, response: ServerResponse) => {
      if (isDraining) response.shouldKeepAlive = false;
      if (request.url === '/health') {
        const status = isReady() && !isDraining ? 'ok' : 'unavailable';
        response.writeHead(status === 'ok' ? 200 : 503, { 'content-type': 'application/json' }).end(`{"status":"${status}"}\n`);
      } else if (app === undefined) {
        response.writeHead(STARTING.status, { ...STARTING.headers, 'content-type': FHIR_JSON }).end(outcomeText(STARTING.issues));
      } else app(request, response);
    },
  };
};
