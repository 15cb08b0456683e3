/** Whose records an export of a group has. Source: http://hl7.org/fhir/R4/group-definitions.html#Group.member */
import { FhirError } from '../../http/outcome.ts';
import { dateInterval } from '../../search/parameter/date.ts';
import { canonicalReference, isLocalReference } from '../../search/parameter/reference.ts';
import type { Server } from '../../server.ts';
import { readHeads } from '../../store/head.ts';

export const MAX_MEMBERS = 50_000;
const MAX_GROUPS = 1000;

export interface Members {
  /** Of patients, each once. */
  readonly ids: readonly string[];
  /** What of the members can't be exported. */
  readonly warnings: readonly string[];
}

interface Member {
  readonly entity?: { readonly reference?: string };
  readonly inactive?: boolean;
  readonly period?: { readonly start?: string; readonly end?: string };
}

const isMember = ({ inactive, period: { start, end } = {} }: Member, now: number): boolean => {
  const hasBegun = start === undefined || (dateInterval(start)?.lo ?? now) <= now;
  const hasEnded = end !== undefined && (dateInterval(end)?.hi ?? Infinity) <= now;
  return inactive !== true && hasBegun && !hasEnded;
};

/**
 * The patients that are in a group now, by itself or by groups that are its members. Throws 404 or 410 where the group isn't there, 413 for
 * more than 50,000 patients or 1,000 groups.
 */
export const membersOf = async ({ db, registry, baseUrl }: Pick<Server, 'db' | 'registry' | 'baseUrl'>, id: string): Promise<Members> => {
  const now = Date.now();
  const typeId = registry.typeId('Group');
  const patients = new Set<string>();
  const groups = new Set([id]);
  const warnings: string[] = [];
  for (let wanted = [id]; wanted.length > 0;) {
    const heads = await readHeads(
      db,
      wanted.map((each) => ({ typeId, id: each })),
    );
    const inner: string[] = [];
    for (const group of wanted) {
      const head = heads.get(`${typeId}/${group}`);
      const isThere = head !== undefined && head.body !== null;
      if (!isThere && group === id) throw new FhirError(head ? 'deleted' : 'not-found', `there is no Group/${id}`);
      if (!isThere) warnings.push(`Group/${group}, a member, is not there (left out)`);
      const { member = [] } = isThere ? (JSON.parse(head.body) as { member?: Member[] }) : {};
      let others = 0;
      for (const each of member) {
        if (!isMember(each, now)) continue;
        const reference = canonicalReference(each.entity?.reference ?? '', baseUrl);
        const [type, named] = isLocalReference(reference) ? (reference.split('/') as [string, string]) : ['', ''];
        if (type === 'Patient') patients.add(named);
        else if (type !== 'Group') others++;
        else if (!groups.has(named)) {
          groups.add(named);
          inner.push(named);
        }
      }
      if (others > 0) warnings.push(`members of Group/${group} that are neither patients nor groups of this server: ${others} (left out)`);
    }
    if (patients.size > MAX_MEMBERS)
      throw new FhirError('too-costly', `Group/${id} has more than ${MAX_MEMBERS} patients: export them by Patient/$export`);
    if (groups.size > MAX_GROUPS)
      throw new FhirError('too-costly', `Group/${id} has more than ${MAX_GROUPS} groups in it: export these one by one`);
    wanted = inner;
  }
  return { ids: [...patients], warnings };
};
