/** Several values that must belong to one instance. Source: http://hl7.org/fhir/R4/search.html#combining */
import { type CompiledPath, compilePath, compileRelativePath } from '../../definitions/path.ts';
import type { Registry, SearchParameter } from '../../definitions/registry.ts';
import { FhirError } from '../../http/outcome.ts';
import type { SearchTable } from '../../store/search-table.ts';
import { splitUnescaped } from './escape.ts';
import type { Lane, ParameterType, RowTest } from './parameter.ts';

/** A row of sp_composite after its key. */
type Columns = (string | number | null)[];
const WIDTH = 9;

/** Where the columns of a part go: by its table, and by its place from 0. Places in a row as in store/search-table.ts. */
interface Slot {
  /** Place of each column in the row. */
  readonly places: readonly number[];
  /** Column of the part's own table → column of sp_composite. */
  readonly columns: Readonly<Record<string, string>>;
}

const SECOND: Readonly<Partial<Record<SearchTable, Slot>>> = {
  token: { places: [2, 3], columns: { code: 'code2', system: 'system2' } },
  quantity: { places: [2, 3, 4, 5], columns: { unit: 'code2', system: 'system2', lo: 'lo', hi: 'hi' } },
  ref: { places: [2], columns: { target: 'code2' } },
  number: { places: [4, 5], columns: { lo: 'lo', hi: 'hi' } },
  date: { places: [4, 5], columns: { lo: 'lo', hi: 'hi' } },
  string: { places: [8], columns: { value: 'value' } },
};
const SLOTS: readonly Readonly<Partial<Record<SearchTable, Slot>>>[] = [
  { token: { places: [0, 1], columns: { code: 'code', system: 'system' } } },
  SECOND,
  { number: { places: [6, 7], columns: { lo: 'lo2', hi: 'hi2' } } },
];

interface Part {
  readonly parameter: SearchParameter;
  readonly parameterType: ParameterType;
  readonly slot: Slot;
  readonly paths: readonly { readonly path: CompiledPath; readonly fromResource: boolean }[];
  readonly datatypes: readonly string[];
}

/** What a composite path emits: one complete instance. */
interface Instance {
  readonly lane: Lane | undefined;
  readonly columns: Columns;
}

export interface Composite {
  readonly parameterType: ParameterType;
  readonly paths: readonly CompiledPath[];
}

const DATATYPE = 'composite';
const MAX_INSTANCES = 500;

/** A composite parameter of a resource type; undefined where its definition needs what sp_composite has no columns for. */
export const createComposite = (
  parameter: SearchParameter,
  type: string,
  registry: Registry,
  parameterTypes: Readonly<Record<string, ParameterType>>,
): Composite | undefined => {
  const roots = compilePath(parameter.expression, type, registry);
  const described = roots.flatMap((root) => {
    const parts = partsOf(parameter, root.types[0]!, type, registry, parameterTypes);
    return parts === undefined ? [] : [{ root, parts }];
  });
  const [first] = described;
  if (first === undefined) return undefined;
  const paths = described.map(({ root, parts }): CompiledPath => ({
    key: `${root.key}(${parts.map(({ parameterType, paths: own }) => `${parameterType.table} ${own.map(({ path }) => path.key).join('|')}`).join(',')})`,
    types: [DATATYPE],
    select: (resource, emit) => {
      root.select(resource, (instance) => {
        for (const each of instances(resource, instance, parts)) emit(each, DATATYPE);
      });
    },
  }));
  return { parameterType: compositeType(first.parts), paths };
};

const partsOf = (
  { components = [] }: SearchParameter,
  instanceType: string,
  type: string,
  registry: Registry,
  parameterTypes: Readonly<Record<string, ParameterType>>,
): Part[] | undefined => {
  const parts: Part[] = [];
  const defined = components.flatMap(({ definition }) => registry.searchParameterByUrl(definition) ?? []);
  for (const [i, { definition, expression }] of components.entries()) {
    const fromResource = expression.startsWith('%resource.');
    // "DateTime" is a slip of the specification.
    const written = expression.replace('%resource.', '').replace('(DateTime)', '(dateTime)');
    const all = compileRelativePath(written, fromResource ? type : instanceType, registry).map((path) => ({
      path: { ...path, key: fromResource ? `%${path.key}` : path.key },
      fromResource,
    }));
    const fit = (parameter: SearchParameter): Part | undefined => {
      const parameterType = parameterTypes[parameter.type];
      const slot = parameterType && SLOTS[i]?.[parameterType.table];
      if (parameterType === undefined || slot === undefined) return undefined;
      const paths = all.filter(({ path }) => path.types.some((each) => parameterType.datatypes.has(each)));
      const datatypes = [...new Set(paths.flatMap(({ path }) => path.types.filter((each) => parameterType.datatypes.has(each))))];
      return paths.length === 0 ? undefined : { parameter, parameterType, slot, paths, datatypes };
    };
    // DocumentReference.relationship names the definitions of its two parts the wrong way round: another one that fits is meant.
    const own = defined.filter(({ url }) => url === definition);
    const part = [...own, ...defined].map(fit).find((each) => each !== undefined);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return parts.length > 1 ? parts : undefined;
};

/** Every combination of the values that the parts have in one instance. */
const instances = (resource: unknown, instance: unknown, parts: readonly Part[]): readonly Instance[] => {
  let found: Instance[] = [{ lane: undefined, columns: Array.from({ length: WIDTH }, () => null) }];
  for (const { parameterType, slot, paths } of parts) {
    const next: Instance[] = [];
    const extend = (lane: Lane | undefined, values: readonly (string | number | null)[]): void => {
      for (const before of found) {
        if (next.length >= MAX_INSTANCES) return;
        const columns = [...before.columns];
        for (const [i, place] of slot.places.entries()) columns[place] = values[i] ?? null;
        next.push({ lane: lane ?? before.lane, columns });
      }
    };
    for (const { path, fromResource } of paths)
      path.select(fromResource ? resource : instance, (value, fhirType) => {
        if (!parameterType.datatypes.has(fhirType)) return;
        parameterType.extract(
          value,
          fhirType,
          (...values) => extend(undefined, values),
          (lane, ...values) => {
            if (lane === 'ucum') extend(lane, values);
          },
        );
      });
    if (next.length === 0) return [];
    found = next;
  }
  return found;
};

const compositeType = (parts: readonly Part[]): ParameterType => ({
  table: 'composite',
  datatypes: new Set([DATATYPE]),
  modifiers: ['missing'],
  lanes: () => (parts.some(({ parameterType }) => parameterType.table === 'quantity') ? { ucum: 'composite' } : {}),
  extract: (value, _, add, addTo) => {
    const { lane, columns } = value as Instance;
    if (lane === undefined) add(...columns);
    else addTo(lane, ...columns);
  },
  condition: (written, context) => {
    const values = splitUnescaped(written, '$');
    if (values.length !== parts.length || values.includes('')) {
      throw new FhirError('value', `${context.name}: write ${parts.map(({ parameter }) => parameter.code).join('$')}`, {
        expression: `http.${context.name}`,
      });
    }
    const hasRange = parts.some(({ slot }) => 'lo' in slot.columns);
    const hasValue = parts.some(({ slot }) => 'value' in slot.columns);
    // Each partial index holds rows of one shape.
    let tests: RowTest[] = [
      { sql: hasRange ? 't.lo is not null' : hasValue ? 't.value is not null' : 't.lo is null and t.code2 is not null' },
    ];
    for (const [i, { parameter, parameterType, slot, datatypes }] of parts.entries()) {
      const { targets } = parameter;
      const own = parameterType.condition(values[i]!, { ...context, modifier: undefined, datatypes, targets });
      if (own.some(({ lane }) => lane === 'whole'))
        throw new FhirError('value', `${context.name} looks for 80 characters at most`, { expression: `http.${context.name}` });
      tests = tests.flatMap((before) =>
        own.map(({ lane = before.lane, sql }): RowTest => ({
          ...(lane !== undefined && { lane }),
          sql: `${before.sql} and (${sql.replaceAll(/\bt\.(\w+)/g, (_, column: string) => `t.${slot.columns[column]!}`)})`,
        })),
      );
    }
    return tests;
  },
});
