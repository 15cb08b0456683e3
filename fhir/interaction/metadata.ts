import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import type { Server } from '../server.ts';

/** Source: http://hl7.org/fhir/R4/http.html#capabilities */
export const metadata = async (server: Server, call: Call): Promise<Reply> => ({
  status: 200,
  // It names no patient, and changes with the server's version at most.
  headers: { 'content-type': FHIR_JSON, 'cache-control': 'private, max-age=300' },
  body: server.capabilities,
  audited: await record(server.outbox, call, { status: 200 }),
});
