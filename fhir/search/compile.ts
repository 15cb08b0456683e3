/** A search as one SQL statement: compile/ finds the resource keys, and bodies are fetched for one page only. */
import { HEAD_COLUMNS } from '../store/head.ts';
import { bytesBefore, MAX_PAGE_BYTES } from '../store/page-bytes.ts';
import { type Builder, type CompileContext, createBuilder } from './compile/builder.ts';
import { anyOf, beginsWithFew, partsOf } from './compile/matches.ts';
import { isFromText, resourceJoin } from './compile/sort-text.ts';
import { after, orderBy, sortValue } from './compile/sort.ts';
import type { Branch, SearchRequest } from './request.ts';

export interface Statement {
  readonly text: string;
  readonly parameters: (string | number)[];
}

const builderOf = (branches: readonly Branch[], context: CompileContext): Builder =>
  createBuilder(
    context,
    partsOf,
    branches.every(({ type, criteria }) => beginsWithFew(criteria, context.planOf(type))),
  );

export const pageColumns = (order: string): string => {
  const isCut = `${bytesBefore('r.body', order)} >= ${MAX_PAGE_BYTES}`;
  return `${HEAD_COLUMNS}, ${isCut} as "isCut", case when not (${isCut}) then r.body end as body`;
};

/**
 * A page of matches and one row more if there is a next page; columns as in store/head.ts, then k0, k1 … to sort by. `careful` is for when
 * the statement ended with a data exception: a resource that the database can't read then comes last.
 */
export const compilePage = (
  { branches, sort, cursor, count }: Pick<SearchRequest, 'branches' | 'sort' | 'cursor' | 'count'>,
  context: CompileContext,
  careful: boolean = false,
): Statement => {
  const b = builderOf(branches, context);
  const limit = count + 1;
  if (sort.length === 0) {
    const hits = anyOf(b, branches, cursor?.at(-1) as number | undefined);
    const text = `select ${pageColumns('hit.rid')} from (${hits} order by c.rid limit ${limit}) hit join fhir.resource r on r.rid = hit.rid order by hit.rid`;
    return { text, parameters: b.parameters };
  }
  const values = sort.map((key, i) => `${sortValue(b, key)} as k${i}`);
  const sorted = `select d.rid, ${values.join(', ')} from (${anyOf(b, branches)}) d${sort.some(isFromText) ? ` ${resourceJoin(careful)}` : ''}`;
  const where = cursor === undefined ? '' : ` where ${after(b, sort, cursor)}`;
  const hits = `select s.* from (${sorted}) s${where} order by ${orderBy(sort, 's')} limit ${limit}`;
  const keys = sort.map((_, i) => `hit.k${i}`).join(', ');
  return {
    text: `select ${pageColumns(orderBy(sort, 'hit'))}, ${keys} from (${hits}) hit join fhir.resource r on r.rid = hit.rid order by ${orderBy(sort, 'hit')}`,
    parameters: b.parameters,
  };
};

/** How many resources match. */
export const compileCount = ({ branches }: Pick<SearchRequest, 'branches'>, context: CompileContext): Statement => {
  const b = builderOf(branches, context);
  return { text: `select count(*) as total from (${anyOf(b, branches)}) hit`, parameters: b.parameters };
};

/** The first matches, without their bodies: for conditional interactions. */
export const compileMatch = (branch: Branch, limit: number, context: CompileContext): Statement => {
  const b = builderOf([branch], context);
  const text = `select r.rid, r.id, r.version from (${b.matches(branch)} order by c.rid limit ${limit}) hit join fhir.resource r on r.rid = hit.rid order by hit.rid`;
  return { text, parameters: b.parameters };
};
