/**
 * A search as one SQL statement: the criterion that is likely to match least is read from its index, the others are looked up for each
 * resource found, and bodies are fetched for one page only.
 */
import { RID_SPAN } from '../store/rid.ts';
import type { ConditionContext } from './parameter/parameter.ts';
import { dateInterval } from './parameter/date.ts';
import { compareIntervals, parsePrefix } from './parameter/prefix.ts';
import { FhirError } from '../http/outcome.ts';
import { unescapeValue } from './parameter/escape.ts';
import { hasPatientCode } from './extract.ts';
import type { TypeIndex } from './index-plan.ts';
import type { ChainTest, Criterion, ParameterTest, SearchRequest, SortKey } from './request.ts';

export interface Statement {
  readonly text: string;
  readonly parameters: (string | number)[];
}

export interface CompileContext {
  readonly typeId: (type: string) => number;
  readonly keyId: (key: string) => number;
  readonly planOf: (type: string) => TypeIndex;
  readonly baseUrl: string;
}

/** Lower is read first. */
const SELECTIVITY: Readonly<Record<string, number>> = { ref: 2, uri: 3, string: 4, token: 5, quantity: 6, number: 7, date: 8 };

class Compiler {
  readonly parameters: (string | number)[] = [];
  readonly #context: CompileContext;

  constructor(context: CompileContext) {
    this.#context = context;
  }

  readonly value = (given: string | number): string => `$${this.parameters.push(given)}`;

  range(type: string, alias: string): string {
    const from = this.#context.typeId(type) * RID_SPAN;
    return `${alias}.rid >= ${from} and ${alias}.rid < ${from + RID_SPAN}`;
  }

  #keys(keys: readonly string[]): string {
    const ids = keys.map(this.#context.keyId);
    return ids.length === 1 ? `t.key = ${ids[0]}` : `t.key in (${ids.join(', ')})`;
  }

  /** The distinct resource keys that match all criteria, as a query whose column is c.rid. */
  matches(type: string, criteria: readonly Criterion[], after?: number): string {
    const [driver, ...others] = this.#order(type, criteria);
    const conditions = others.map((criterion) => this.#probe(type, criterion));
    if (after !== undefined) conditions.push(`c.rid > ${this.value(after)}::bigint`);
    if (driver === undefined) {
      conditions.unshift(this.range(type, 'c'), 'not c.deleted');
      return `select c.rid from fhir.resource c where ${conditions.join(' and ')}`;
    }
    return `select distinct c.rid from (${driver}) c${conditions.length > 0 ? ` where ${conditions.join(' and ')}` : ''}`;
  }

  /** SQL of the criterion to begin with, if one can be, and the others. */
  #order(type: string, criteria: readonly Criterion[]): [driver: string | undefined, ...others: Criterion[]] {
    const pair = patientCodeOf(criteria, this.#context.planOf(type));
    if (pair !== undefined)
      return [this.#patientCode(type, pair), ...criteria.filter((each) => each !== pair.patient && each !== pair.code)];
    const ranked = criteria.map((criterion) => ({ criterion, rank: rankOf(criterion) })).sort((a, b) => a.rank - b.rank);
    const [first, ...others] = ranked;
    if (first === undefined || first.rank === Infinity) return [undefined, ...criteria];
    return [this.#rows(type, first.criterion), ...others.map(({ criterion }) => criterion)];
  }

  /** A query of the resource keys that a positive criterion matches. */
  #rows(type: string, { name, test }: Criterion): string {
    switch (test.kind) {
      case 'id':
        return `select r.rid from fhir.resource r where r.type = ${this.#context.typeId(type)} and ${this.#ids(test.values)} and not r.deleted`;
      case 'updated':
        return `select r.rid from fhir.resource r where ${this.#updated(name, test.values)} and not r.deleted and ${this.range(type, 'r')}`;
      case 'chain':
        return this.#chain(type, name, test);
      case 'parameter':
        return `select t.rid from fhir.sp_${test.indexed.parameterType.table} t where ${this.#row(name, test)}${test.indexed.isShared ? ` and ${this.range(type, 't')}` : ''}`;
    }
  }

  /** A condition on c.rid. */
  #probe(type: string, criterion: Criterion): string {
    const { name, test } = criterion;
    switch (test.kind) {
      case 'id':
        return `exists (select from fhir.resource r where r.rid = c.rid and ${this.#ids(test.values)})`;
      case 'updated':
        return `exists (select from fhir.resource r where r.rid = c.rid and ${this.#updated(name, test.values)})`;
      case 'chain':
        return `c.rid in (${this.#chain(type, name, test)})`;
      case 'parameter': {
        const { table } = test.indexed.parameterType;
        const missing = test.modifier === 'missing';
        const row = missing ? this.#keys(test.indexed.keys) : this.#row(name, test);
        const negated = test.modifier === 'not' || (missing && test.values[0] === 'true');
        return `${negated ? 'not ' : ''}exists (select from fhir.sp_${table} t where t.rid = c.rid and ${row})`;
      }
    }
  }

  /** A condition on the row `t` of the parameter's table. */
  #row(name: string, { indexed, modifier, values }: ParameterTest): string {
    const { parameterType, keys, datatypes, parameter } = indexed;
    const context: ConditionContext = {
      name,
      modifier: modifier === 'not' ? undefined : modifier,
      datatypes,
      targets: parameter.targets,
      baseUrl: this.#context.baseUrl,
      value: this.value,
    };
    const conditions = values.map((text) => parameterType.condition(text, context));
    return `${this.#keys(keys)} and ${conditions.length === 1 ? conditions[0]! : `(${conditions.map((each) => `(${each})`).join(' or ')})`}`;
  }

  #ids(values: readonly string[]): string {
    return `r.id = any(${this.value(`{${values.map((id) => JSON.stringify(unescapeValue(id))).join(',')}}`)}::text[])`;
  }

  #updated(name: string, values: readonly string[]): string {
    const conditions = values.map((text) => {
      const { prefix, rest } = parsePrefix(text);
      const interval = dateInterval(rest.replace(' ', '+'));
      if (interval === undefined)
        throw new FhirError('value', `${name}=${text.slice(0, 40)} is no date, such as ge2024-01-31T10:00:00Z`, {
          expression: `http.${name}`,
        });
      const time = (ms: number): string => `to_timestamp(${this.value(ms)}::double precision / 1000)`;
      // An instant has no length: the comparison of intervals, with both of its ends the same; ge takes its own moment in.
      const compared = compareIntervals(prefix, interval, time).replaceAll(/t\.(?:lo|hi)/g, 'r.updated');
      return prefix === 'ge' ? compared.replace('>', '>=') : compared;
    });
    return `(${conditions.join(' or ')})`;
  }

  #chain(type: string, name: string, { indexed, targets }: ChainTest): string {
    const { table } = indexed.parameterType;
    const branches = targets.map(({ type: target, criterion }) => {
      const found = this.matches(target, [{ ...criterion, name }]);
      return `select t.rid from (${found}) m join fhir.resource r on r.rid = m.rid
  join fhir.sp_${table} t on ${this.#keys(indexed.keys)} and t.target = hashtextextended('${target}/' || r.id, 0)${indexed.isShared ? ` and ${this.range(type, 't')}` : ''}`;
    });
    return branches.join(' union all ');
  }

  #patientCode(type: string, { patient, code }: PatientCode): string {
    const patients = patient.test.values.map((each) => {
      const text = unescapeValue(each);
      return `hashtextextended(${this.value(text.startsWith('Patient/') ? text : `Patient/${text}`)}, 0)`;
    });
    const { parameterType, datatypes, parameter } = code.test.indexed;
    const context: ConditionContext = {
      name: code.name,
      modifier: undefined,
      datatypes,
      targets: parameter.targets,
      baseUrl: this.#context.baseUrl,
      value: this.value,
    };
    const codes = code.test.values.map((text) => `(${parameterType.condition(text, context)})`);
    return `select t.rid from fhir.sp_patient_code t where t.patient in (${patients.join(', ')}) and (${codes.join(' or ')}) and ${this.range(type, 't')}`;
  }

  /** The value that a resource sorts by, or null. */
  sortValue({ code, descending, indexed }: SortKey): string {
    if (indexed === undefined) {
      const column = code === '_id' ? 'r.id' : '(extract(epoch from r.updated) * 1000)::bigint';
      return `(select ${column} from fhir.resource r where r.rid = d.rid)`;
    }
    const { table } = indexed.parameterType;
    const column = table === 'string' ? 't.value' : descending ? 't.hi' : 't.lo';
    return `(select ${descending ? 'max' : 'min'}(${column}) from fhir.sp_${table} t where t.rid = d.rid and ${this.#keys(indexed.keys)})`;
  }

  /** True for what comes after the cursor, in the order of the sort keys with missing ones last. */
  after(sort: readonly SortKey[], cursor: readonly (string | number | null)[]): string {
    const cast = ({ code, indexed }: SortKey): string =>
      code === '_id' || indexed?.parameterType.table === 'string'
        ? '::text'
        : indexed === undefined || indexed.parameterType.table === 'date'
          ? '::bigint'
          : '::double precision';
    const alternatives: string[] = [];
    const equal: string[] = [];
    for (const [i, key] of sort.entries()) {
      const last = cursor[i]!;
      if (last !== null) {
        const given = `${this.value(last)}${cast(key)}`;
        alternatives.push([...equal, `(s.k${i} ${key.descending ? '<' : '>'} ${given} or s.k${i} is null)`].join(' and '));
        equal.push(`s.k${i} = ${given}`);
      } else equal.push(`s.k${i} is null`);
    }
    alternatives.push([...equal, `s.rid > ${this.value(cursor.at(-1)!)}::bigint`].join(' and '));
    return `(${alternatives.map((each) => `(${each})`).join(' or ')})`;
  }
}

const rankOf = ({ test }: Criterion): number => {
  switch (test.kind) {
    case 'id':
      return 0;
    case 'chain':
      return 4.5;
    case 'updated':
      return 9;
    case 'parameter':
      if (test.modifier === 'missing' || test.modifier === 'not' || test.modifier === 'contains') return Infinity;
      return test.indexed.datatypes.includes('Identifier') ? 1 : (SELECTIVITY[test.indexed.parameterType.table] ?? 10);
  }
};

interface PatientCode {
  readonly patient: Criterion & { readonly test: ParameterTest };
  readonly code: Criterion & { readonly test: ParameterTest };
}

const isParameter = (criterion: Criterion): criterion is Criterion & { readonly test: ParameterTest } =>
  criterion.test.kind === 'parameter';

/** The two criteria that sp_patient_code answers together. */
const patientCodeOf = (criteria: readonly Criterion[], { parameters }: TypeIndex): PatientCode | undefined => {
  if (!hasPatientCode(parameters)) return undefined;
  const plain = criteria.filter(isParameter).filter(({ test }) => test.modifier === undefined || test.modifier === 'Patient');
  const names = (wanted: string): (Criterion & { readonly test: ParameterTest })[] =>
    plain.filter(({ test }) => test.indexed.parameter.code === wanted);
  const [code] = names('code');
  const patient = [...names('patient'), ...names('subject')].find(({ test }) =>
    test.values.every(
      (text) =>
        /^(Patient\/)?[A-Za-z0-9\-.]{1,64}$/.test(text) &&
        (text.startsWith('Patient/') || test.indexed.parameter.code === 'patient' || test.modifier === 'Patient'),
    ),
  );
  return code === undefined || patient === undefined || code.test.modifier !== undefined ? undefined : { patient, code };
};

const PAGE_COLUMNS = 'r.rid, r.type, r.id, r.version, (extract(epoch from r.updated) * 1000)::bigint as updated, r.body';

/** A page of matches and one row more if there is a next page; columns as in store/head.ts, then k0, k1 … to sort by. */
export const compilePage = ({ type, criteria, sort, cursor, count }: SearchRequest, context: CompileContext): Statement => {
  const compiler = new Compiler(context);
  const limit = count + 1;
  if (sort.length === 0) {
    const hits = compiler.matches(type, criteria, cursor?.at(-1) as number | undefined);
    const text = `select ${PAGE_COLUMNS} from (${hits} order by c.rid limit ${limit}) hit join fhir.resource r on r.rid = hit.rid order by hit.rid`;
    return { text, parameters: compiler.parameters };
  }
  const values = sort.map((key, i) => `${compiler.sortValue(key)} as k${i}`);
  const sorted = `select d.rid, ${values.join(', ')} from (${compiler.matches(type, criteria)}) d`;
  const where = cursor === undefined ? '' : ` where ${compiler.after(sort, cursor)}`;
  const order = (alias: string): string =>
    [...sort.map(({ descending }, i) => `${alias}.k${i} ${descending ? 'desc' : 'asc'} nulls last`), `${alias}.rid`].join(', ');
  const hits = `select s.* from (${sorted}) s${where} order by ${order('s')} limit ${limit}`;
  const keys = sort.map((_, i) => `hit.k${i}`).join(', ');
  return {
    text: `select ${PAGE_COLUMNS}, ${keys} from (${hits}) hit join fhir.resource r on r.rid = hit.rid order by ${order('hit')}`,
    parameters: compiler.parameters,
  };
};

/** How many resources match. */
export const compileCount = ({ type, criteria }: Pick<SearchRequest, 'type' | 'criteria'>, context: CompileContext): Statement => {
  const compiler = new Compiler(context);
  return { text: `select count(*) as total from (${compiler.matches(type, criteria)}) hit`, parameters: compiler.parameters };
};

/** The first matches, without their bodies: for conditional interactions. */
export const compileMatch = (type: string, criteria: readonly Criterion[], limit: number, context: CompileContext): Statement => {
  const compiler = new Compiler(context);
  const text = `select r.rid, r.id, r.version from (${compiler.matches(type, criteria)} order by c.rid limit ${limit}) hit join fhir.resource r on r.rid = hit.rid order by hit.rid`;
  return { text, parameters: compiler.parameters };
};
