import { containedRid } from '../store/rid.ts';
import { NO_ROWS, rowDifference } from '../store/row-difference.ts';
import {
  type ContainedRows,
  isKeyed,
  SEARCH_TABLE_NAMES,
  type SearchRow,
  type SearchRows,
  type SearchTable,
} from '../store/search-table.ts';
import { containedType } from './contained.ts';
import { type IndexedParameter, laneKey, PART_TYPE, SELF_KEY, type TypeIndex } from './index-plan.ts';
import type { AddRow, AddToLane, Lane, ParameterType } from './parameter/parameter.ts';

export interface Extractor {
  /** Of the search plan that rows are made by; see fhir/search-parameter/. */
  readonly version: number;
  /** The search rows of a resource; the same resource always has the same rows by the same version. `id` is the one that it is stored under. */
  extract(type: string, id: string, resource: Readonly<Record<string, unknown>>): SearchRows;
  /**
   * The search rows of what a version of a resource contains, or of what a document or message is about; none of them say anything of the
   * resource itself.
   */
  extractContained(container: Container, resource: Readonly<Record<string, unknown>>): readonly ContainedRows[];
}

/** A version of a resource. */
export interface Container {
  readonly rid: number;
  readonly version: number;
}

interface Sink {
  readonly parameterType: TypeIndex['units'][number]['parameterType'];
  readonly select: TypeIndex['units'][number]['select'];
  /** Index key of the value itself; undefined in tables without one. */
  readonly id: number | undefined;
  /** Index key and table of each lane. */
  readonly lanes: ReadonlyMap<Lane, { readonly id: number; readonly table: SearchTable }>;
  readonly parts: ReadonlyMap<string, readonly Part[]>;
}

interface Part {
  readonly element: string;
  readonly id: number;
  readonly lanes: Sink['lanes'];
}

interface TypePlan {
  readonly sinks: readonly Sink[];
  /** For types that are about a patient and have a code; see sp_patient_code. */
  readonly patientCode:
    | { readonly patient: ReadonlySet<number>; readonly code: ReadonlySet<number>; readonly date: ReadonlySet<number> }
    | undefined;
}

/** Rows that one unit has of one resource; counted by unit, so that those of others are the same with and without it. */
const MAX_ROWS = 20_000;

const NONE: readonly ContainedRows[] = [];

export const createExtractor = (
  planOf: (type: string) => TypeIndex,
  keyId: (key: string) => number,
  { typeIdOf, version = 0 }: { readonly typeIdOf: (type: string) => number | undefined; readonly version?: number },
): Extractor => {
  const plans = new Map<string, TypePlan>();
  const compile = (type: string): TypePlan => {
    const { units, parameters } = planOf(type);
    const sinks = units.map(({ parameterType, select, key, hasOwn, lanes, parts }) => ({
      parameterType,
      select,
      id: isKeyed(parameterType.table) && hasOwn ? keyId(key) : undefined,
      lanes: new Map([...lanes].map(([lane, laneKey]) => [lane, { id: keyId(laneKey), table: laneTable(parameterType, lane) }])),
      parts: new Map(
        [...parts].map(([fhirType, elements]) => [
          fhirType,
          elements.map(([element, partKey]): Part => {
            const own = Object.entries(parameterType.lanes?.(PART_TYPE) ?? {}) as [Lane, SearchTable][];
            return {
              element,
              id: keyId(partKey),
              lanes: new Map(own.map(([lane, table]) => [lane, { id: keyId(laneKey(partKey, lane)), table }])),
            };
          }),
        ]),
      ),
    }));
    const idsOf = (parameter: IndexedParameter | undefined): Set<number> => new Set(parameter?.keys.map(keyId));
    const patient = parameters.get('patient');
    const code = parameters.get('code');
    const date = parameters.get('date');
    const patientCode = hasPatientCode(parameters)
      ? { patient: idsOf(patient), code: idsOf(code), date: idsOf(date?.isAdded === true ? undefined : date) }
      : undefined;
    return { sinks, patientCode };
  };
  const self = keyId(SELF_KEY);
  const rowsOf = (type: string, resource: Readonly<Record<string, unknown>>, first: readonly [SearchTable, SearchRow]): SearchRows => {
    let plan = plans.get(type);
    if (plan === undefined) plans.set(type, (plan = compile(type)));
    const rows = Object.fromEntries(SEARCH_TABLE_NAMES.map((table) => [table, []])) as unknown as Record<SearchTable, SearchRow[]>;
    rows[first[0]].push(first[1]);
    for (const { parameterType, select, id: key, lanes, parts } of plan.sinks) {
      const into = rows[parameterType.table];
      const most = into.length + MAX_ROWS;
      const add: AddRow = key === undefined ? (...columns) => into.push(columns) : (...columns) => into.push([key, ...columns]);
      const addTo = toLanes(lanes, rows);
      select(resource, (value, fhirType) => {
        if (!parameterType.datatypes.has(fhirType) || into.length > most) return;
        const elements = parts.get(fhirType);
        if (elements === undefined) parameterType.extract(value, fhirType, add, addTo);
        else addParts(value as Readonly<Record<string, unknown>>, elements, parameterType, rows);
      });
    }
    if (plan.patientCode !== undefined) rows.patient_code = patientCodeRows(plan.patientCode, rows);
    return rows;
  };
  const ofContained = (each: unknown, place: number, container: Container, unnamed?: string): ContainedRows[] => {
    const { resourceType, id = unnamed } = (each ?? {}) as { readonly resourceType?: unknown; readonly id?: unknown };
    if (typeof resourceType !== 'string' || typeof id !== 'string') return [];
    const typeId = typeIdOf(resourceType);
    const rid = typeId === undefined ? undefined : containedRid(typeId, container, place);
    if (rid === undefined) return [];
    const own = [container.rid, container.version, place, id];
    const rows = rowsOf(containedType(resourceType), each as Readonly<Record<string, unknown>>, ['contained', own]);
    return [{ rid, rows: rowDifference(NO_ROWS, rows).added }];
  };
  return {
    version,
    extract: (type, id, resource) => rowsOf(type, resource, ['ref', [self, `${type}/${id}`]]),
    extractContained: (container, resource) => {
      const { contained } = resource;
      if (Array.isArray(contained)) return contained.flatMap((each: unknown, place) => ofContained(each, place, container));
      return resource['resourceType'] === 'Bundle' ? ofContained(subjectOf(resource), 0, container, '') : NONE;
    },
  };
};

/** What a document or a message is about: it stands first. Source: http://hl7.org/fhir/R4/bundle.html#search */
const subjectOf = ({ type, entry }: Readonly<Record<string, unknown>>): unknown => {
  const [first] = Array.isArray(entry) && (type === 'document' || type === 'message') ? (entry as unknown[]) : [];
  return (first as { readonly resource?: unknown } | null | undefined)?.resource;
};

/** The table of a lane of a parameter type. */
const laneTable = ({ datatypes, lanes }: ParameterType, lane: Lane): SearchTable =>
  [...datatypes].map((each) => lanes?.(each)[lane]).find((table) => table !== undefined)!;

/** Whether resources of a type get rows in sp_patient_code. */
export const hasPatientCode = (parameters: TypeIndex['parameters']): boolean => {
  const { patient, code } = { patient: parameters.get('patient'), code: parameters.get('code') };
  // Rows were never made by a parameter that came later.
  if (patient === undefined || code === undefined || patient.isAdded || code.isAdded) return false;
  return patient.parameterType.table === 'ref' && code.parameterType.table === 'token' && code.datatypes.includes('CodeableConcept');
};

const addParts = (
  value: Readonly<Record<string, unknown>>,
  elements: readonly Part[],
  { extract, table }: Sink['parameterType'],
  rows: Readonly<Record<SearchTable, SearchRow[]>>,
): void => {
  for (const { element, id, lanes } of elements) {
    const found = value[element];
    const addTo = toLanes(lanes, rows);
    for (const each of Array.isArray(found) ? (found as unknown[]) : [found])
      extract(each, PART_TYPE, (...columns) => rows[table].push([id, ...columns]), addTo);
  }
};

const toLanes =
  (lanes: Sink['lanes'], rows: Readonly<Record<SearchTable, SearchRow[]>>): AddToLane =>
  (lane, ...columns) => {
    const found = lanes.get(lane);
    if (found !== undefined) rows[found.table].push([found.id, ...columns]);
  };

const patientCodeRows = (
  { patient, code, date }: NonNullable<TypePlan['patientCode']>,
  rows: Readonly<Record<SearchTable, SearchRow[]>>,
): SearchRow[] => {
  const patients = rows.ref.flatMap(([key, target]) =>
    patient.has(key as number) && String(target).startsWith('Patient/') ? [target!] : [],
  );
  if (patients.length === 0) return [];
  const times = rows.date.flatMap(([key, lo]) => (date.has(key as number) ? [lo as number] : []));
  const lo = times.length === 0 ? 0 : Math.min(...times);
  return rows.token.flatMap(([key, value, system]) =>
    code.has(key as number) ? patients.map((each): SearchRow => [each, value!, system!, lo]) : [],
  );
};
