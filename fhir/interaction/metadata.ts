import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { etagOf, noneMatch } from '../http/preconditions.ts';
import { PATCH_FORMATS } from '../patch/parse-patch.ts';
import type { Server } from '../server.ts';

/** Source: http://hl7.org/fhir/R4/http.html#capabilities */
export const metadata = async (server: Server, call: Call): Promise<Reply> => {
  const { allow } = call.target;
  if (allow !== undefined) {
    const audited = await record(server.outbox, call, { status: 204 });
    return { status: 204, headers: { allow: allow.join(', '), 'accept-patch': PATCH_FORMATS.join(', ') }, body: null, audited };
  }
  const { text, tag } = server.capabilities();
  const known = noneMatch(call.header('if-none-match'), tag);
  const status = known ? 304 : 200;
  const audited = await record(server.outbox, call, { status });
  // It names no patient, and changes with the server's version and with search parameters that clients write.
  const headers = { etag: etagOf(tag), 'cache-control': 'private, max-age=10' };
  if (known) return { status, headers, body: null, audited };
  return { status, headers: { ...headers, 'content-type': FHIR_JSON }, body: text, audited };
};
