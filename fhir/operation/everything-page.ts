/** What the pages of $everything have in common, of one patient and of all. */
import { missingScope } from '../../proto/access/scope.ts';
import { patientsOf } from '../audit/patients.ts';
import type { Call } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FhirError } from '../http/outcome.ts';
import { localReferences } from '../json/local-references.ts';
import type { Server } from '../server.ts';
import { newLogicalId } from '../store/logical-id.ts';
import { type PageRow, readReferenced } from './compartment-page.ts';
import type { EverythingRequest } from './everything-request.ts';

const MAX_REFERENCED = 10_000;
const MAX_REFERENCED_BYTES = 16 << 20;
/** From what a patient's resources point to: role → practitioner → organization. */
const MAX_ROUNDS = 3;

export type Owner = 'Patient' | 'Encounter';

interface Page {
  readonly owner: Owner;
  /** Address of the operation, after the base. */
  readonly path: string;
  readonly asked: EverythingRequest;
  readonly types: readonly string[];
  readonly matches: readonly PageRow[];
  /** Where the next page begins, if there is one. */
  readonly cursor: string | undefined;
}

/** The page as a Bundle, with what its matches refer to, and the patients that it shows something of. */
export const showPage = async (
  server: Server,
  { owner, path, asked, types, matches, cursor }: Page,
): Promise<{ readonly body: string; readonly patients: readonly string[]; readonly count: number }> => {
  const { registry, baseUrl } = server;
  const referenced = await followReferences(server, matches, new Set(types.filter((type) => isFollowed(registry, owner, type))));
  const shown = [...matches, ...referenced].map((row) => ({ type: registry.typeName(row.type), id: row.id, body: row.body }));
  const address = (from: string | undefined): string => `${baseUrl}/${path}${queryOf(asked, from)}`;
  const entries = shown.map(
    ({ type, id, body }, i) =>
      `{"fullUrl":"${baseUrl}/${type}/${id}","resource":${body},"search":{"mode":"${i < matches.length ? 'match' : 'include'}"}}`,
  );
  const body = bundle(address(undefined), cursor === undefined ? undefined : address(cursor), entries);
  return { body, patients: patientsOf(shown, baseUrl), count: shown.length };
};

/** What belongs to no patient is followed; from an encounter its patient too. */
const isFollowed = (registry: Server['registry'], owner: Owner, type: string): boolean =>
  type === 'Patient' ? owner === 'Encounter' : type !== 'Binary' && registry.compartment('Patient', type).length === 0;

/** The types to look at: those asked for, else all that the client may read. Throws 403 where one asked for is not readable. */
export const typesFor = ({ registry }: Server, { identity }: Call, { types }: EverythingRequest): readonly string[] => {
  for (const type of types) requireScope(identity, type, 'r');
  return types.length > 0 ? types : registry.resourceTypes.filter((type) => missingScope(identity.scopes, type, 'r') === undefined);
};

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
      for (const { type, id } of localReferences(body, baseUrl)) {
        const name = `${type}/${id}`;
        if (!types.has(type) || seen.has(name)) continue;
        seen.add(name);
        wanted.set(name, { typeId: registry.typeId(type), id });
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

const queryOf = ({ given }: EverythingRequest, cursor: string | undefined): string => {
  const pairs = [...given, ...(cursor === undefined ? [] : [['_cursor', Buffer.from(cursor).toString('base64url')] as const])];
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
