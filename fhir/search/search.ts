import { patientsOf } from '../audit/patients.ts';
import type { Registry } from '../definitions/registry.ts';
import { FhirError, type Issue, outcomeText } from '../http/outcome.ts';
import { isDataException } from '../store/errors.ts';
import { type Head, headOf, type HeadRow } from '../store/head.ts';
import { newLogicalId } from '../store/logical-id.ts';
import { fitting } from '../store/page-bytes.ts';
import type { Db } from '../store/pool.ts';
import { containedTypeId } from '../store/rid.ts';
import { compileCount, compileMatch, compilePage, type Statement } from './compile.ts';
import type { CompileContext } from './compile/builder.ts';
import { isFromText } from './compile/sort-text.ts';
import { compileContainedCount, compileContainedPage, ITSELF } from './compile/contained.ts';
import { containedText } from './contained-text.ts';
import { isContainedType, plainType } from './contained.ts';
import { encodeCursor } from './cursor.ts';
import { NEWEST_FIRST, readCurrentList } from './current-list.ts';
import { withPatient } from './functional-list.ts';
import { readIncluded } from './include.ts';
import type { TypeIndex } from './index-plan.ts';
import { newestOfEach, readCandidates, readChosen, requireSubject, withoutPaging } from './last-n.ts';
import { maskedQuery } from './masked-query.ts';
import { forbidden } from './parse-criterion.ts';
import { startParsing } from './parsing.ts';
import { parseSort } from './parse-sort.ts';
import { parseConditional, parseSearch, type ParseOptions } from './parse.ts';
import type { Branch, Criterion, SearchRequest } from './request.ts';
import { createEffort } from '../terminology/effort.ts';
import { terminologyForSearch } from '../terminology/for-search.ts';
import type { Terminology } from '../terminology/terminology.ts';
import { type Lookups, resolveBranches } from './resolve.ts';
import type { Where } from './where.ts';

export interface SearchResult {
  /** The Bundle, with the stored texts as they are. */
  readonly body: string;
  readonly count: number;
  /** `Patient/<id>` of those concerned, for the audit event. */
  readonly patients: readonly string[];
  /** The query without the values that could name somebody. */
  readonly query: string;
}

export interface Match {
  readonly rid: number;
  readonly id: string;
  readonly version: number;
}

export interface Search {
  /** Searches a type, or what `where` says. */
  run(db: Db, where: string | Where, query: string, options: RunOptions): Promise<SearchResult>;
  /** The newest Observations of each code, of whom `query` says. */
  lastN(db: Db, query: string, options: LastNOptions): Promise<SearchResult>;
  /** The first resources that match the criteria of a conditional interaction. */
  match(db: Db, type: string, criteria: string, limit: number, allowed: ParseOptions['allowed']): Promise<readonly Match[]>;
  /** Which of some resources match. */
  filter(db: Db, type: string, among: Among): Promise<readonly Match[]>;
  /** Throws where criteria can't be asked: 400 naming what is wrong, 403 naming the scope. */
  check(type: string, criteria: string, allowed: ParseOptions['allowed']): void;
}

export interface RunOptions extends ParseOptions {
  /** `db` is in a transaction, which a statement that fails would end. */
  readonly isWithin?: boolean;
}

export interface LastNOptions extends ParseOptions {
  /** So many of each. */
  readonly max: number;
}

export interface Among {
  readonly criteria: string;
  readonly ids: readonly string[];
  readonly allowed: ParseOptions['allowed'];
}

export interface SearchOptions {
  readonly registry: Registry;
  readonly terminology: Terminology;
  readonly planOf: (type: string) => TypeIndex;
  readonly keyId: (key: string) => number;
  readonly baseUrl: string;
}

interface HitRow extends HeadRow {
  /** Where contained resources are searched: where it stands in its container. */
  readonly place?: number;
}

interface Row extends HitRow {
  /** Those before it are as much as a page may have: it has no body here. */
  readonly isCut: boolean;
  readonly [sortKey: `k${number}`]: string | number | null;
}

export const createSearch = ({ registry, terminology, planOf, keyId, baseUrl }: SearchOptions): Search => {
  const typeId = (type: string): number =>
    isContainedType(type) ? containedTypeId(registry.typeId(plainType(type))) : registry.typeId(type);
  const context: CompileContext = { typeId, keyId, planOf, baseUrl };
  const newestFirst = parseSort(['List'], NEWEST_FIRST, startParsing({ registry, planOf }, { lenient: false, allowed: () => true }));
  /** `warn` hears of each functional list that nobody keeps. */
  const lookupsFor = (db: Db, allowed: ParseOptions['allowed'], warn: (issue: Issue) => void = () => undefined): Lookups => {
    const lists = new Map<string, Promise<string | undefined>>();
    const find = async (name: string, patient: string): Promise<string | undefined> => {
      const parseList = (criteria: string): Criterion[] => parse('List', criteria, () => true);
      const id = await readCurrentList({ db, context, parse: parseList, sort: newestFirst }, name, patient);
      if (id === undefined) warn(noList(name, patient));
      return id;
    };
    return {
      terminology: terminologyForSearch(terminology, {
        db,
        effort: createEffort(),
        allow: (type) => {
          if (!allowed(type, 's')) throw forbidden('a set of codes', type);
        },
      }),
      currentList: (name, patient) => {
        const key = `${name} ${patient}`;
        const known = lists.get(key) ?? find(name, patient);
        lists.set(key, known);
        return known;
      },
    };
  };
  const count = async (db: Db, { branches, contained }: SearchRequest): Promise<number> => {
    const { text, parameters } =
      contained === undefined ? compileCount({ branches }, context) : compileContainedCount({ branches, contained }, context);
    const [row] = await db.unsafe<{ total: number }[]>(text, parameters, { prepare: true });
    return row!.total;
  };
  const page = async (db: Db, request: SearchRequest, isWithin: boolean): Promise<Row[]> => {
    const read = ({ text, parameters }: Statement): Promise<Row[]> => db.unsafe<Row[]>(text, parameters, { prepare: true });
    const { contained } = request;
    if (contained !== undefined) return read(compileContainedPage({ ...request, contained }, context));
    try {
      return await read(compilePage(request, context, isWithin));
    } catch (error) {
      if (isWithin || !isDataException(error) || !request.sort.some(isFromText)) throw error;
      return await read(compilePage(request, context, true));
    }
  };
  /** With what the criteria refer to looked up. */
  const resolved = async (db: Db, parsed: SearchRequest, allowed: ParseOptions['allowed']): Promise<SearchRequest> => {
    const warnings = [...parsed.warnings];
    const lookups = lookupsFor(db, allowed, (issue) => warnings.push(issue));
    const bound = parsed.branches.map((branch) => withPatient(branch, baseUrl));
    const branches = await resolveBranches(bound, lookups);
    return { ...parsed, branches, contained: await resolveContained(parsed, lookups), warnings };
  };
  const show = async (
    db: Db,
    request: SearchRequest,
    { rows, total, next }: { readonly rows: readonly HitRow[]; readonly total: number | undefined; readonly next: string | undefined },
    { allowed }: ParseOptions,
  ): Promise<Omit<SearchResult, 'query'>> => {
    const heads = rows.map(headOf);
    const included = await readIncluded(db, request, heads, { registry, keyId, planOf, baseUrl, allowed });
    const body = bundleText(baseUrl, request, { rows: rows.map(hitOf), included, total, next, registry });
    const patients = patientsOf(
      [...heads, ...included].map((head) => ({ type: registry.typeName(head.typeId), id: head.id, body: head.body! })),
      baseUrl,
    );
    return { body, count: rows.length + included.length, patients };
  };
  const parse = (type: string, criteria: string, allowed: ParseOptions['allowed']): Criterion[] =>
    parseConditional(type, criteria, { registry, planOf }, { lenient: false, allowed });
  const matching = async (db: Db, branch: Branch, limit: number, allowed: ParseOptions['allowed']): Promise<readonly Match[]> => {
    const [resolved] = await resolveBranches([branch], lookupsFor(db, allowed));
    const { text, parameters } = compileMatch(resolved!, limit, context);
    return db.unsafe<Match[]>(text, parameters, { prepare: true });
  };
  return {
    run: async (db, where, query, options) => {
      const parsed = parseSearch(typeof where === 'string' ? { type: where } : where, query, { registry, planOf }, options);
      const masked = maskedQuery(parsed);
      const request = await resolved(db, parsed, options.allowed);
      if (request.onlyCount) {
        const body = bundleText(baseUrl, request, { rows: [], included: [], total: await count(db, request), next: undefined, registry });
        return { body, count: 0, patients: [], query: masked };
      }
      const found = await page(db, request, options.isWithin === true);
      const rows = fitting(found, request.count);
      const next = found.length > rows.length ? cursorAfter(rows.at(-1)!, request) : undefined;
      // The first page alone tells how many there are when nothing follows it.
      const isAll = next === undefined && request.cursor === undefined;
      const total = isAll ? rows.length : request.total ? await count(db, request) : undefined;
      return { ...(await show(db, request, { rows, total, next }, options)), query: masked };
    },
    lastN: async (db, query, options) => {
      const { query: kept, warnings } = withoutPaging(query, options.lenient);
      const parsed = parseSearch({ type: 'Observation' }, kept, { registry, planOf }, options);
      requireSubject(parsed);
      const used = [...parsed.used, ['max', String(options.max)] as const];
      const asked = { ...parsed, path: 'Observation/$lastn', used, warnings: [...parsed.warnings, ...warnings] };
      const request = await resolved(db, asked, options.allowed);
      const rows = await readChosen(db, newestOfEach(await readCandidates(db, request, context), options.max));
      return { ...(await show(db, request, { rows, total: rows.length, next: undefined }, options)), query: maskedQuery(parsed) };
    },
    match: async (db, type, criteria, limit, allowed) => {
      const parsed = parse(type, criteria, allowed);
      if (parsed.length === 0) throw new FhirError('invalid', 'a conditional interaction needs criteria, such as identifier=system|value');
      return matching(db, { type, criteria: parsed }, limit, allowed);
    },
    filter: (db, type, { criteria, ids, allowed }) => {
      const among: Criterion = { name: '_id', test: { kind: 'id', values: ids } };
      return matching(db, { type, criteria: [among, ...parse(type, criteria, allowed)] }, ids.length, allowed);
    },
    check: (type, criteria, allowed) => void compileMatch({ type, criteria: parse(type, criteria, allowed) }, 1, context),
  };
};

const resolveContained = async ({ contained }: SearchRequest, lookups: Lookups): Promise<SearchRequest['contained']> =>
  contained && { ...contained, branches: await resolveBranches(contained.branches, lookups) };

const noList = (name: string, patient: string): Issue => ({
  severity: 'warning',
  code: 'not-found',
  diagnostics: `no List is kept as ${name} of ${patient}: that nothing is found doesn't mean that there is nothing`,
  expression: 'http._list',
});

const cursorAfter = (row: Row, { sort, contained }: SearchRequest): string =>
  encodeCursor([...sort.map((_, i) => row[`k${i}`] ?? null), row.rid, ...(contained === undefined ? [] : [row.place!])]);

interface Hit {
  readonly head: Head;
  /** Of what is contained in it, where that is shown. */
  readonly place: number | undefined;
}

const hitOf = (row: HitRow): Hit => ({ head: headOf(row), place: row.place === ITSELF ? undefined : row.place });

interface Found {
  readonly rows: readonly Hit[];
  readonly included: readonly Head[];
  readonly total: number | undefined;
  readonly next: string | undefined;
  readonly registry: Registry;
}

const encoded = (pairs: readonly (readonly [string, string])[]): string =>
  pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');

const bundleText = (baseUrl: string, { path, used, warnings }: SearchRequest, { rows, included, total, next, registry }: Found): string => {
  const address = (more: readonly (readonly [string, string])[]): string => {
    const query = encoded([...used, ...more]);
    return `${baseUrl}${path === '' ? '' : `/${path}`}${query === '' ? '' : `?${query}`}`;
  };
  const link = [
    { relation: 'self', url: address([]) },
    ...(next === undefined ? [] : [{ relation: 'next', url: address([['_cursor', next]]) }]),
  ];
  const head = JSON.stringify({
    resourceType: 'Bundle',
    id: newLogicalId(),
    meta: { lastUpdated: new Date().toISOString() },
    type: 'searchset',
    total,
    link,
  });
  const entry = ({ typeId, id, body }: Head, mode: 'match' | 'include', place?: number): string => {
    const part = place === undefined ? undefined : containedText(body!, place);
    const fragment = part === undefined ? '' : `#${part.id}`;
    return `{"fullUrl":"${baseUrl}/${registry.typeName(typeId)}/${id}${fragment}","resource":${part?.text ?? body},"search":{"mode":"${mode}"}}`;
  };
  const entries = [...rows.map(({ head, place }) => entry(head, 'match', place)), ...included.map((head) => entry(head, 'include'))];
  if (warnings.length > 0) entries.push(`{"resource":${outcomeText(warnings)},"search":{"mode":"outcome"}}`);
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`;
};
