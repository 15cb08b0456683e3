import { record } from '../audit/trail.ts';
import { missingScope } from '../../proto/access/scope.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import { selectionOf } from '../presentation/selection.ts';
import { subset } from '../presentation/subset.ts';
import type { Server } from '../server.ts';

/** GET with parameters in the address, or POST to _search with a form; over one type, all of them, or a compartment. Source: http://hl7.org/fhir/R4/http.html#search */
export const search = async (server: Server, call: Call): Promise<Reply> => {
  const { resourceType: type, compartment } = call.target;
  const form = call.isPost ? await formOf(call) : '';
  const query = [call.query, form].filter(Boolean).join('&');
  const selection = selectionOf(server.registry, { type, query, lenient: call.prefer.lenient, isList: true });
  const {
    body,
    count,
    patients,
    query: masked,
  } = await server.search.run(server.db, { type, compartment }, query, {
    lenient: call.prefer.lenient,
    isWithin: server.db !== server.sql,
    allowed: (type, letter) => missingScope(call.identity.scopes, type, letter) === undefined,
  });
  const concerned = compartment?.type === 'Patient' ? [...new Set([`Patient/${compartment.id}`, ...patients])] : patients;
  const audited = await record(server.outbox, call, { status: 200, patients: concerned, query: masked, count });
  const shown = selection === undefined ? body : subset(server.registry, body, selection, true);
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: shown, form, audited };
};

const formOf = async (call: Call): Promise<string> => {
  const text = await call.text();
  const type = call.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (text !== '' && type !== 'application/x-www-form-urlencoded') {
    throw new FhirError('unsupported-media-type', '_search takes its parameters as application/x-www-form-urlencoded', {
      expression: 'http.Content-Type',
    });
  }
  return text.trim();
};
