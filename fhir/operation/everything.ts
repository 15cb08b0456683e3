import { missingScope } from '../../proto/access/scope.ts';
import { patientsOf } from '../audit/patients.ts';
import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import { newLogicalId } from '../store/logical-id.ts';
import { membershipsOf, type PageRow, readCompartmentPage, readReferenced } from './compartment-page.ts';
import { type EverythingRequest, parseEverything } from './everything-request.ts';
import type { Operation } from './operation.ts';
import { operationParameters } from './parameters.ts';

const MAX_PAGE_BYTES = 8 << 20;
const MAX_REFERENCED = 2000;
const MAX_REFERENCED_BYTES = 16 << 20;
/** From what a patient's resources point to: role → practitioner → organization. */
const MAX_ROUNDS = 3;

type Owner = 'Patient' | 'Encounter';

const run = async (server: Server, call: Call): Promise<Reply> => {
  const { id, resourceType } = call.target as { readonly id: string; readonly resourceType: Owner };
  const resource = `${resourceType}/${id}`;
  const { registry, db } = server;
  const head = await readHead(db, registry.typeId(resourceType), id);
  if (head === undefined || head.body === null) throw new FhirError(head ? 'deleted' : 'not-found', `there is no ${resource}`);
  const asked = parseEverything(await operationParameters(call), registry, call.prefer.lenient);
  const types = typesFor(server, call, asked);
  const isMember = (type: string): boolean => registry.compartment(resourceType, type).length > 0;
  const isNewEnough = asked.sinceMs === undefined || head.updatedMs >= asked.sinceMs;
  const own = asked.after === 0 && types.includes(resourceType) && isNewEnough ? [{ ...head, type: head.typeId, body: head.body }] : [];
  const { rows, hasMore } = await readCompartmentPage(db, {
    ...asked,
    owner: resource,
    ownerRid: head.rid,
    memberships: membershipsOf(server, resourceType, types.filter(isMember)),
    limit: asked.count,
    maxBytes: MAX_PAGE_BYTES,
  });
  const matches: readonly PageRow[] = [...own, ...rows];
  const referenced = await followReferences(server, matches, new Set(types.filter((type) => isFollowed(registry, resourceType, type))));
  const shown = [...matches, ...referenced].map((row) => ({ type: registry.typeName(row.type), id: row.id, body: row.body }));
  const self = `${server.baseUrl}/${resource}/$everything${queryOf(asked, undefined)}`;
  const next = hasMore ? `${server.baseUrl}/${resource}/$everything${queryOf(asked, rows.at(-1)!.rid)}` : undefined;
  const patients = [...new Set([...(resourceType === 'Patient' ? [resource] : []), ...patientsOf(shown, server.baseUrl)])];
  const audited = await record(server.outbox, call, { status: 200, resource, patients, count: shown.length });
  const entries = shown.map(
    ({ type, id: each, body }, i) =>
      `{"fullUrl":"${server.baseUrl}/${type}/${each}","resource":${body},"search":{"mode":"${i < matches.length ? 'match' : 'include'}"}}`,
  );
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: bundle(self, next, entries), audited };
};

/** What belongs to no patient is followed; from an encounter its patient too. */
const isFollowed = (registry: Server['registry'], owner: Owner, type: string): boolean =>
  type === 'Patient' ? owner === 'Encounter' : type !== 'Binary' && registry.compartment('Patient', type).length === 0;

/** The types to look at: those asked for, else all that the client may read. Throws 403 where one asked for is not readable. */
const typesFor = ({ registry }: Server, { identity }: Call, { types }: EverythingRequest): readonly string[] => {
  for (const type of types) requireScope(identity, type, 'r');
  return types.length > 0 ? types : registry.resourceTypes.filter((type) => missingScope(identity.scopes, type, 'r') === undefined);
};

const REFERENCE = /"reference"\s*:\s*"(?:([^"\\]*)\/)?([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[^"]*)?"/g;

// Found in the texts: a page needn't parse what it shows.
const followReferences = async (server: Server, from: readonly PageRow[], types: ReadonlySet<string>): Promise<readonly PageRow[]> => {
  const { registry, baseUrl, db } = server;
  const seen = new Set<string>();
  const found: PageRow[] = [];
  let bytes = 0;
  let texts: readonly PageRow[] = from;
  for (let round = 0; round < MAX_ROUNDS && texts.length > 0; round++) {
    const wanted = new Map<string, { typeId: number; id: string }>();
    for (const { body } of texts) {
      for (const [, base, type, id] of body.matchAll(REFERENCE)) {
        const name = `${type}/${id}`;
        if ((base !== undefined && base !== baseUrl) || !types.has(type!) || seen.has(name)) continue;
        seen.add(name);
        wanted.set(name, { typeId: registry.typeId(type!), id: id! });
      }
    }
    const rows = seen.size > MAX_REFERENCED ? undefined : await readReferenced(db, [...wanted.values()], MAX_REFERENCED_BYTES - bytes);
    if (rows === undefined) {
      throw new FhirError(
        'too-costly',
        'what the resources of this page refer to is too much for one answer: ask for smaller pages with _count',
      );
    }
    bytes += rows.reduce((sum, { body }) => sum + body.length, 0);
    found.push(...rows);
    texts = rows;
  }
  return found;
};

const queryOf = ({ given }: EverythingRequest, after: number | undefined): string => {
  const pairs = [...given, ...(after === undefined ? [] : [['_cursor', Buffer.from(String(after)).toString('base64url')] as const])];
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')}`;
};

const bundle = (self: string, next: string | undefined, entries: readonly string[]): string => {
  const head = JSON.stringify({
    resourceType: 'Bundle',
    id: newLogicalId(),
    meta: { lastUpdated: new Date().toISOString() },
    type: 'searchset',
    link: [{ relation: 'self', url: self }, ...(next === undefined ? [] : [{ relation: 'next', url: next }])],
  });
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`;
};

const operation = (owner: Owner): Operation => ({
  name: '$everything',
  definition: `http://hl7.org/fhir/OperationDefinition/${owner}-everything`,
  levels: ['instance'],
  types: [owner],
  isRead: true,
  scopes: () => [{ resourceType: owner, letter: 'r' }],
  run,
});

/**
 * The patient, all of its compartment, and what these refer to that belongs to no patient (practitioners, organizations, places,
 * medications). Only types that the client may read are shown, the others are left out; one that it asks for by `_type` and may not read
 * is refused. Each page brings what its own resources refer to, so that this may come again on a later page.
 * Source: http://hl7.org/fhir/R4/patient-operation-everything.html
 */
export const patientEverything = operation('Patient');

/** The same of one encounter, and with its patient. Source: http://hl7.org/fhir/R4/encounter-operation-everything.html */
export const encounterEverything = operation('Encounter');
