import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import { MAX_PAGE_BYTES } from '../store/page-bytes.ts';
import { membershipsOf, type PageRow, readCompartmentPage } from './compartment-page.ts';
import { everyPatient } from './every-patient.ts';
import { type Owner, showPage, typesFor } from './everything-page.ts';
import { type EverythingRequest, parseEverything } from './everything-request.ts';
import type { Operation } from './operation.ts';
import { operationParameters } from './parameters.ts';

const run = async (server: Server, call: Call): Promise<Reply> => {
  const { id, resourceType } = call.target as { readonly id: string; readonly resourceType: Owner };
  const resource = `${resourceType}/${id}`;
  const { registry, db } = server;
  const head = await readHead(db, registry.typeId(resourceType), id);
  if (head === undefined || head.body === null) throw new FhirError(head ? 'deleted' : 'not-found', `there is no ${resource}`);
  const asked = parseEverything(await operationParameters(call), registry, call.prefer.lenient);
  const after = afterOf(asked);
  const types = typesFor(server, call, asked);
  const isNewEnough = asked.sinceMs === undefined || head.updatedMs >= asked.sinceMs;
  const own: PageRow[] =
    after === 0 && types.includes(resourceType) && isNewEnough ? [{ ...head, type: head.typeId, body: head.body }] : [];
  const { rows, hasMore } = await readCompartmentPage(db, {
    ...asked,
    after,
    owner: resource,
    ownerRid: head.rid,
    memberships: membershipsOf(server, resourceType, types),
    limit: asked.count,
    maxBytes: MAX_PAGE_BYTES,
  });
  const cursor = hasMore ? String(rows.at(-1)!.rid) : undefined;
  const matches = [...own, ...rows];
  const page = await showPage(server, { owner: resourceType, path: `${resource}/$everything`, asked, types, matches, cursor });
  const patients = [...new Set([...(resourceType === 'Patient' ? [resource] : []), ...page.patients])];
  const audited = await record(server.outbox, call, { status: 200, resource, patients, count: page.count });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: page.body, audited };
};

/** The resource key that the page before ended with; 0 for the first page. */
const afterOf = ({ cursor = '0' }: EverythingRequest): number => {
  const after = Number(cursor);
  if (/^\d+$/.test(cursor) && Number.isSafeInteger(after)) return after;
  throw new FhirError('value', '_cursor is damaged: follow the next link as it was given', { expression: 'http._cursor' });
};

/**
 * The patient, all of its compartment, and what these refer to that belongs to no patient (practitioners, organizations, places,
 * medications). Only types that the client may read are shown, the others are left out; one that it asks for by `_type` and may not read
 * is refused. Each page brings what its own resources refer to, so that this may come again on a later page. Without an id it is of every
 * patient, for who may search patients too. Source: http://hl7.org/fhir/R4/patient-operation-everything.html
 */
export const patientEverything: Operation = {
  name: '$everything',
  definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything',
  levels: ['type', 'instance'],
  types: ['Patient'],
  isRead: true,
  scopes: ({ id }) => [
    { resourceType: 'Patient', letter: 'r' },
    ...(id === undefined ? [{ resourceType: 'Patient', letter: 's' } as const] : []),
  ],
  run: (server, call) => (call.target.id === undefined ? everyPatient(server, call) : run(server, call)),
};

/** The same of one encounter, and with its patient. Source: http://hl7.org/fhir/R4/encounter-operation-everything.html */
export const encounterEverything: Operation = {
  name: '$everything',
  definition: 'http://hl7.org/fhir/OperationDefinition/Encounter-everything',
  levels: ['instance'],
  types: ['Encounter'],
  isRead: true,
  scopes: () => [{ resourceType: 'Encounter', letter: 'r' }],
  run,
};
