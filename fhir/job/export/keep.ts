/** Which of the resources that were read are exported. Source: http://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters */
import { missingScope, type ScopeSet } from '../../../proto/access/scope.ts';
import type { JobContext } from '../job.ts';
import type { Rest } from '../rest.ts';
import { createBelongs } from './belongs.ts';
import { type Moment, type PastRow, type Row, WHENEVER } from './export-batch.ts';
import { type ExportRequest, mayExport } from './export-request.ts';
import { typesOfPatients } from './of-patients.ts';
import { tellsOfNoOther } from './referred.ts';
import { createLatest, createTargets, PROVENANCE, recordedMs } from './provenance.ts';

export type Keep = (rows: readonly PastRow[]) => Promise<readonly Row[]>;

type Server = JobContext['server'];

interface About {
  readonly type: string;
  readonly scopes: ScopeSet;
  /** Ids, those of the request; undefined: all patients. */
  readonly patients: ReadonlySet<string> | undefined;
  readonly moment: Moment;
  readonly rest: Rest;
  /** Resources of the type belong to no patient; they come along because something refers to them. */
  readonly isReferred?: boolean;
}

/** Leaves out what isn't of the patients asked for, and what meets none of the type's filters by the index as it is now. */
export const createKeep = (server: Server, request: ExportRequest, about: About): Keep => {
  const { type, scopes } = about;
  const isOwn =
    type !== PROVENANCE || (request.level === 'system' && request.provenances === undefined)
      ? createOwn(server, request, about)
      : createOwnProvenances(server, request, about);
  const criteria = request.filters[type] ?? [];
  return async (rows) => {
    // One that was deleted before there was anything to keep has no body.
    const own = await isOwn(rows.filter((row): row is Row => row.body !== null));
    if (criteria.length === 0 || own.length === 0) return own;
    const matching = new Set<string>();
    for (const each of criteria) {
      const ids = own.filter(({ deleted, id }) => !deleted && !matching.has(id)).map(({ id }) => id);
      if (ids.length === 0) break;
      const allowed = (of: string, letter: Parameters<typeof missingScope>[2]): boolean => missingScope(scopes, of, letter) === undefined;
      for (const { id } of await server.search.filter(server.db, type, { criteria: each, ids, allowed })) matching.add(id);
    }
    return own.filter(({ deleted, id }) => deleted || matching.has(id));
  };
};

type Own = (rows: readonly Row[]) => Promise<readonly Row[]>;

const createOwn = (
  server: Server,
  { level }: ExportRequest,
  { type, patients, isReferred = false }: Pick<About, 'type' | 'patients' | 'isReferred'>,
): Own => {
  if (level === 'system') return (rows) => Promise.resolve(rows);
  const belongs = isReferred ? tellsOfNoOther(server, type, patients) : createBelongs(server, type, patients);
  return (rows) => Promise.resolve(rows.filter(belongs));
};

/**
 * Provenances go with what they tell of: with each resource that is exported, or, where the client didn't ask for that, with all that is of
 * the patients. That is more than the compartment has, which knows those of the patients themselves alone.
 */
const createOwnProvenances = (server: Server, request: ExportRequest, about: About): Own => {
  const { scopes, patients, moment, rest } = about;
  const { sinceMs, untilMs, provenances } = request;
  const isOfTarget = (type: string): boolean => request.types.includes(type) && type !== PROVENANCE && mayExport(scopes, type);
  const types = provenances === undefined ? typesOfPatients(server.registry) : request.types.filter(isOfTarget);
  const keep = new Map(
    types.map((type): [string, Keep] => {
      const own = createOwn(server, request, { type, patients });
      const ofPatients: Keep = (rows) => own(rows.filter((row): row is Row => row.body !== null));
      return [type, provenances === undefined ? ofPatients : createKeep(server, request, { ...about, type })];
    }),
  );
  const written = provenances === undefined ? WHENEVER : { sinceMs, untilMs };
  const targets = createTargets(server, { moment, written, keep, rest });
  if (provenances === undefined) {
    const belongs = createOwn(server, request, about);
    return async (rows) => {
      const direct = new Set(await belongs(rows));
      const found = await targets(rows.filter((row) => !direct.has(row)));
      return rows.filter((row) => direct.has(row) || found.has(row.rid));
    };
  }
  const latest = provenances === 'last' ? createLatest(server, { moment, rest }) : undefined;
  return async (rows) => {
    const found = await targets(rows);
    const last = await latest?.([...new Set([...found.values()].flat())]);
    const isLast = ({ deleted, body }: Row, target: string): boolean =>
      last === undefined || deleted || recordedMs(body) >= (last.get(target) ?? -Infinity);
    return rows.filter((row) => found.get(row.rid)?.some((target) => isLast(row, target)) ?? false);
  };
};
