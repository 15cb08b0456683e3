import { SEARCH_TABLE_NAMES, type SearchRow, type SearchRows, type SearchTable } from '../store/search-table.ts';
import type { IndexedParameter, TypeIndex } from './index-plan.ts';

export interface Extractor {
  /** The search rows of a resource; the same resource always has the same rows. */
  extract(type: string, resource: Readonly<Record<string, unknown>>): SearchRows;
}

interface Sink {
  readonly parameterType: TypeIndex['units'][number]['parameterType'];
  readonly select: TypeIndex['units'][number]['select'];
  readonly id: number;
  readonly parts: ReadonlyMap<string, readonly (readonly [element: string, id: number])[]>;
}

interface TypePlan {
  readonly sinks: readonly Sink[];
  /** For types that are about a patient and have a code; see sp_patient_code. */
  readonly patientCode:
    | { readonly patient: ReadonlySet<number>; readonly code: ReadonlySet<number>; readonly date: ReadonlySet<number> }
    | undefined;
}

const MAX_ROWS_PER_TABLE = 20_000;

export const createExtractor = (planOf: (type: string) => TypeIndex, keyId: (key: string) => number): Extractor => {
  const plans = new Map<string, TypePlan>();
  const compile = (type: string): TypePlan => {
    const { units, parameters } = planOf(type);
    const sinks = units.map(({ parameterType, select, key, parts }) => ({
      parameterType,
      select,
      id: parts.size === 0 ? keyId(key) : 0,
      parts: new Map(
        [...parts].map(([fhirType, elements]) => [fhirType, elements.map(([element, partKey]) => [element, keyId(partKey)] as const)]),
      ),
    }));
    const idsOf = (parameter: IndexedParameter | undefined): Set<number> => new Set(parameter?.keys.map(keyId));
    const patient = parameters.get('patient');
    const code = parameters.get('code');
    const patientCode = hasPatientCode(parameters)
      ? { patient: idsOf(patient), code: idsOf(code), date: idsOf(parameters.get('date')) }
      : undefined;
    return { sinks, patientCode };
  };
  return {
    extract: (type, resource) => {
      let plan = plans.get(type);
      if (plan === undefined) plans.set(type, (plan = compile(type)));
      const rows = Object.fromEntries(SEARCH_TABLE_NAMES.map((table) => [table, []])) as unknown as Record<SearchTable, SearchRow[]>;
      for (const { parameterType, select, id, parts } of plan.sinks) {
        const into = rows[parameterType.table];
        select(resource, (value, fhirType) => {
          if (!parameterType.datatypes.has(fhirType) || into.length > MAX_ROWS_PER_TABLE) return;
          const elements = parts.get(fhirType);
          if (elements === undefined) parameterType.extract(value, fhirType, (...columns) => into.push([id, ...columns]));
          else addParts(value as Readonly<Record<string, unknown>>, elements, parameterType, into);
        });
      }
      if (plan.patientCode !== undefined) rows.patient_code = patientCodeRows(plan.patientCode, rows);
      return rows;
    },
  };
};

/** Whether resources of a type get rows in sp_patient_code. */
export const hasPatientCode = (parameters: TypeIndex['parameters']): boolean => {
  const { patient, code } = { patient: parameters.get('patient'), code: parameters.get('code') };
  return patient?.parameterType.table === 'ref' && code?.parameterType.table === 'token' && code.datatypes.includes('CodeableConcept');
};

const addParts = (
  value: Readonly<Record<string, unknown>>,
  elements: readonly (readonly [element: string, id: number])[],
  { extract }: Sink['parameterType'],
  into: SearchRow[],
): void => {
  for (const [element, id] of elements) {
    const found = value[element];
    for (const each of Array.isArray(found) ? (found as unknown[]) : [found])
      extract(each, 'string', (...columns) => into.push([id, ...columns]));
  }
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
