/** Which List serves a function for a patient now: of those that are current and working, the one with the newest date. */
import type { HeadRow } from '../store/head.ts';
import { fitting } from '../store/page-bytes.ts';
import type { Db } from '../store/pool.ts';
import { compilePage } from './compile.ts';
import type { CompileContext } from './compile/builder.ts';
import { criteriaOf } from './functional-list.ts';
import type { Criterion, SortKey } from './request.ts';

/** Newest first, and of two of one moment the one that was written last. */
export const NEWEST_FIRST = '-date,-_lastUpdated';

const COUNT = 20;

type Row = HeadRow & { readonly isCut: boolean; readonly [sortKey: `k${number}`]: string | number | null };

interface Reader {
  readonly db: Db;
  readonly context: CompileContext;
  readonly parse: (criteria: string) => readonly Criterion[];
  readonly sort: readonly SortKey[];
}

/** Its id; undefined where there is none. */
export const readCurrentList = async ({ db, context, parse, sort }: Reader, name: string, patient: string): Promise<string | undefined> => {
  const branches = [{ type: 'List', criteria: parse(criteriaOf(name, patient)) }];
  for (let cursor: (string | number | null)[] | undefined; ;) {
    const { text, parameters } = compilePage({ branches, sort, cursor, count: COUNT }, context);
    const found = await db.unsafe<Row[]>(text, parameters, { prepare: true });
    const rows = fitting(found, COUNT);
    const current = rows.find(({ body }) => isWorking(body!));
    if (current !== undefined || found.length === rows.length) return current?.id;
    const last = rows.at(-1)!;
    cursor = [...sort.map((_, i) => last[`k${i}`] ?? null), last.rid];
  }
};

// A snapshot is of its day, and a list of changes is no list.
const isWorking = (body: string): boolean => (JSON.parse(body) as { mode?: unknown }).mode === 'working';
