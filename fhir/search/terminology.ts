/** The codes that :in, :not-in, :above and :below mean, from the definitions of R4 and from what is stored here. */
import { createExpander, type TerminologyResource } from '../definitions/expand-value-set.ts';
import type { Registry } from '../definitions/registry.ts';
import { textArray, type Db } from '../store/pool.ts';
import type { TypeIndex } from './index-plan.ts';
import { badValue, type ParseOptions, unknown } from './parsing.ts';
import { forbidden } from './parse-criterion.ts';

export interface Code {
  readonly system: string;
  readonly code: string;
}

/** What a search asks of a terminology; each call names the parameter, for errors. */
export interface Terminology {
  /** The codes of a value set, by its canonical address or as ValueSet/<id>. */
  expand(url: string, name: string): Promise<readonly Code[]>;
  /** The code itself and all above or below it in its code system. */
  related(code: Code, direction: 'above' | 'below', name: string): Promise<readonly Code[]>;
}

export interface TerminologyOptions {
  readonly db: Db;
  readonly registry: Registry;
  readonly planOf: (type: string) => TypeIndex;
  readonly keyId: (key: string) => number;
  readonly allowed: ParseOptions['allowed'];
}

const MAX_RESOURCES = 100;

interface StoredValueSet extends TerminologyResource {
  readonly expansion?: { readonly contains?: readonly Contained[] };
}
interface Contained {
  readonly system?: string;
  readonly code?: string;
  readonly abstract?: boolean;
  readonly contains?: readonly Contained[];
}
interface Concept {
  readonly code: string;
  readonly concept?: readonly Concept[];
  readonly property?: readonly { readonly code?: string; readonly valueCode?: string }[];
}

export const createTerminology = ({ db, registry, planOf, keyId, allowed }: TerminologyOptions): Terminology => {
  const stored = async (type: 'ValueSet' | 'CodeSystem', url: string, name: string): Promise<TerminologyResource | undefined> => {
    if (!allowed(type, 's')) throw forbidden(name, type);
    const id = /^(?:ValueSet|CodeSystem)\/([A-Za-z0-9\-.]{1,64})$/.exec(url)?.[1];
    const [address = '', version] = url.split('|', 2);
    const keys = planOf(type).parameters.get('url')!.keys.map(keyId).join(', ');
    const rows =
      id === undefined
        ? await db.unsafe<{ body: string }[]>(
            `select r.body from fhir.sp_uri t join fhir.resource r on r.rid = t.rid where t.key in (${keys}) and t.value = any($1::text[]) order by r.updated desc limit 20`,
            [textArray([address])],
            { prepare: true },
          )
        : await db.unsafe<{ body: string }[]>('select r.body from fhir.resource r where r.type = $1 and r.id = $2 and not r.deleted', [
            registry.typeId(type),
            id,
          ]);
    const found = rows.map(({ body }) => JSON.parse(body) as TerminologyResource & { version?: string });
    return version === undefined ? found[0] : found.find((each) => each.version === version);
  };

  /** The value set and all that it is made of. */
  const gather = async (url: string, name: string): Promise<TerminologyResource[]> => {
    const found = new Map<string, TerminologyResource>();
    const load = async (type: 'ValueSet' | 'CodeSystem', address: string): Promise<void> => {
      if (found.has(address) || found.size >= MAX_RESOURCES) return;
      const resource = await stored(type, address, name);
      if (resource === undefined) return;
      found.set(address, resource);
      for (const { system, concept, valueSet = [] } of [...(resource.compose?.include ?? []), ...(resource.compose?.exclude ?? [])]) {
        if (system !== undefined && concept === undefined) await load('CodeSystem', system);
        for (const each of valueSet) await load('ValueSet', each);
      }
    };
    await load('ValueSet', url);
    return [...found.values()];
  };

  return {
    expand: async (url, name) => {
      const known = registry.valueSet(url.split('|', 1)[0]!);
      if (known !== undefined) return codesOf(known);
      const resources = await gather(url, name);
      const [first] = resources as StoredValueSet[];
      if (first === undefined) throw badValue(name, `${name}: no value set ${url.slice(0, 200)} is known here: store it as a ValueSet`);
      const expanded = first.expansion?.contains;
      if (expanded !== undefined) return contained(expanded);
      const codes = createExpander(resources)(first.url ?? '');
      if (codes !== undefined) return codesOf(codes);
      throw unknown(name, `${name}: ${url.slice(0, 200)} can't be expanded: it filters, or a code system of it isn't stored here in full`);
    },
    related: async ({ system, code }, direction, name) => {
      if (system === '') throw badValue(name, `${name}: write system|code, since a hierarchy belongs to a code system`);
      const resource = (await stored('CodeSystem', system, name)) as { concept?: readonly Concept[] } | undefined;
      if (resource === undefined) throw badValue(name, `${name}: the code system ${system.slice(0, 200)} isn't stored here`);
      const parents = parentsOf(resource.concept ?? []);
      return relatives(code, direction === 'above' ? parents : reversed(parents)).map((each) => ({ system, code: each }));
    },
  };
};

const codesOf = (systems: ReadonlyMap<string, ReadonlySet<string>>): Code[] =>
  [...systems].flatMap(([system, codes]) => [...codes].map((code) => ({ system, code })));

const contained = (list: readonly Contained[]): Code[] =>
  list.flatMap(({ system, code, abstract, contains }) => [
    ...(code !== undefined && system !== undefined && !abstract ? [{ system, code }] : []),
    ...contained(contains ?? []),
  ]);

type Links = ReadonlyMap<string, readonly string[]>;

/** code → the codes right above it, by nesting and by the properties `parent` and `subsumedBy`. */
const parentsOf = (concepts: readonly Concept[]): Links => {
  const parents = new Map<string, string[]>();
  const visit = (list: readonly Concept[], above: string | undefined): void => {
    for (const { code, concept, property = [] } of list) {
      const named = property.flatMap((each) => (each.code === 'parent' || each.code === 'subsumedBy' ? (each.valueCode ?? []) : []));
      parents.set(code, [...(parents.get(code) ?? []), ...(above === undefined ? [] : [above]), ...named]);
      visit(concept ?? [], code);
    }
  };
  visit(concepts, undefined);
  return parents;
};

const reversed = (links: Links): Links => {
  const back = new Map<string, string[]>();
  for (const [from, list] of links) for (const to of list) back.set(to, [...(back.get(to) ?? []), from]);
  return back;
};

const relatives = (start: string, links: Links): string[] => {
  const found = new Set([start]);
  for (const code of found) for (const next of links.get(code) ?? []) found.add(next);
  return [...found];
};
