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

/** One host and perhaps a port. Source: RFC 3986, 3.2.2, without the comma, by which Envoy joins several. */
const HOST = /^(?:[\w.~!$&'()*+;=%-]+|\[[\da-f:.]+\])(?::\d*)?$/i;

/** Of a request: nothing else is to be told of it, since nothing here goes by it. Source: RFC 9112, 3.2 */
export const hasHost = ({ headers }: IncomingMessage): boolean => headers.host !== '';

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
      } else {
        // Else what makes a URL of it answers by itself, in no trail, where it can't.
        request.headers.host = HOST.test(request.headers.host ?? '') ? 'fhir' : '';
        app(request, response);
      }
    },
  };
};
