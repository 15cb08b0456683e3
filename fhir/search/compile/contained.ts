/**
 * A search that finds what other resources contain. The contained ones that match are found as all others are; then each leads to its
 * container, if that is still at the version that the row is of, and if the caller may search its type.
 */
import { pageColumns, type Statement } from '../compile.ts';
import type { ContainedSearch, SearchRequest } from '../request.ts';
import { type Builder, type CompileContext, createBuilder } from './builder.ts';
import { anyOf, partsOf } from './matches.ts';

/** Place of a container among what is found, before all that it contains. */
export const ITSELF = -1;

type Wanted = Pick<SearchRequest, 'branches'> & { readonly contained: ContainedSearch };

/** A query of the distinct rid and place of all that is found. */
const found = (b: Builder, { branches, contained }: Wanted): string => {
  const { containers, shown, withOthers } = contained;
  const allowed = containers === undefined ? '' : ` and h.type = any('{${containers.map(b.typeId).join(',')}}'::smallint[])`;
  // What a document is about isn't contained in it.
  const isContainer = ` and h.type <> ${b.typeId('Bundle')}`;
  const within = `select distinct k.container as rid, ${shown === 'contained' ? 'k.place::integer' : ITSELF} as place
  from (${anyOf(b, contained.branches)}) c join fhir.sp_contained k on k.rid = c.rid
  join fhir.resource h on h.rid = k.container and h.version = k.version and not h.deleted${isContainer}${allowed}`;
  return withOthers ? `select c.rid, ${ITSELF} as place from (${anyOf(b, branches)}) c union ${within}` : within;
};

/** As compilePage of ../compile.ts, and `place` of each: where it stands in the container, or {@link ITSELF}. */
export const compileContainedPage = ({ cursor, count, ...wanted }: SearchRequest & Wanted, context: CompileContext): Statement => {
  const b = createBuilder(context, partsOf);
  const [rid, place] = cursor ?? [];
  const all = found(b, wanted);
  const after = cursor === undefined ? '' : ` where (f.rid, f.place) > (${b.value(rid!)}::bigint, ${b.value(place!)}::integer)`;
  const hits = `select f.rid, f.place from (${all}) f${after} order by f.rid, f.place limit ${count + 1}`;
  const order = 'hit.rid, hit.place';
  return {
    text: `select ${pageColumns(order)}, hit.place from (${hits}) hit join fhir.resource r on r.rid = hit.rid order by ${order}`,
    parameters: b.parameters,
  };
};

export const compileContainedCount = (wanted: Wanted, context: CompileContext): Statement => {
  const b = createBuilder(context, partsOf);
  return { text: `select count(*) as total from (${found(b, wanted)}) hit`, parameters: b.parameters };
};
