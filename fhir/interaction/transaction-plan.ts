/** What the writing entries of a transaction will store. Source: http://hl7.org/fhir/R4/http.html#trules */
import { setImmediate } from 'node:timers/promises';
import type { Call } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { parseIfMatch, requireMatch, requireNoneMatch } from '../http/preconditions.ts';
import { mediaOf, XML_PATCH } from '../patch/parse-patch.ts';
import type { Server } from '../server.ts';
import { type Head, readHeads } from '../store/head.ts';
import { newLogicalId } from '../store/logical-id.ts';
import type { Db } from '../store/pool.ts';
import { type Entry, IN_ONE_TURN } from './bundle.ts';
import { keyOf } from './bundle-match.ts';
import { planConditionalDelete } from './conditional-delete.ts';
import { planConditionalUpdate, planExisting } from './conditional.ts';
import { criteriaIn, matchOne, requireSearchable } from './criteria.ts';
import { entryCall } from './entry-call.ts';
import { planPatch, readPatch, type WrittenPatch } from './patch.ts';
import { type Plan, planCreate, planDelete, planUpdate } from './plan.ts';
import { type Prepared, requireSameId, requireValid } from './prepare.ts';
import {
  type Addresses,
  addressResolver,
  conditional,
  type ConditionalReference,
  conditionalFinder,
  type FindConditional,
  resolveCriteria,
  resolveReferences,
} from './references.ts';
import { inEntry, inEntryAsync, type PreparedEntry } from './transaction-entry.ts';
import { type Match, matchConditions } from './transaction-match.ts';

const NO_REFERENCES: ReadonlyMap<string, ConditionalReference> = new Map();

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'conditional-update', 'conditional-patch', 'conditional-delete']);

export const isRead = ({ method }: Pick<Entry, 'method'>): boolean => method === 'GET' || method === 'HEAD';
export const isDelete = ({ entry }: Pick<PreparedEntry, 'entry'>): boolean => entry.method === 'DELETE';
const isXmlPatch = ({ method, contentType }: Entry): boolean => method === 'PATCH' && mediaOf(contentType) === XML_PATCH;
const isPatch = ({ entry }: Pick<PreparedEntry, 'entry'>): boolean => entry.method === 'PATCH';

const patchIn = ({ identity }: Call, { text, contentType, target }: Entry): WrittenPatch => ({
  identity,
  text: text(),
  contentType,
  type: target.resourceType!,
});

/** Checks and parses every entry that writes; throws 400 naming the entry. */
export const prepareEntries = async (server: Server, call: Call, entries: readonly Entry[]): Promise<PreparedEntry[]> => {
  const writing = entries.filter((entry) => !isRead(entry));
  const numbers = await server.rids.take(writing.length);
  const prepared: PreparedEntry[] = [];
  const conditionalReferences = conditionalFinder();
  for (const [i, entry] of writing.entries()) {
    if (i > 0 && i % IN_ONE_TURN === 0) await setImmediate();
    prepared.push(inEntry(entry, () => prepareEntry(server, call, entry, { n: numbers[i]!, conditionalReferences })));
  }
  const seen = new Map<string, number>();
  for (const { entry, type, id } of prepared) {
    requireFirst(seen, `${type}/${id}`, entry);
    if (entry.fullUrl !== undefined && entry.fullUrl !== `${type}/${id}`) requireFirst(seen, entry.fullUrl, entry);
  }
  return withNames(prepared);
};

/**
 * Criteria may name other entries. Those whose id no match can change are put in here, so that what is locked is what is looked for; a
 * change by criteria about the others is guarded by the lock of theirs.
 */
const withNames = (prepared: readonly PreparedEntry[]): PreparedEntry[] => {
  const fixed = new Map(
    prepared.flatMap(({ entry, type, id, criteria }) =>
      entry.fullUrl === undefined || criteria !== undefined ? [] : [[entry.fullUrl, `${type}/${id}`] as const],
    ),
  );
  if (fixed.size === 0) return [...prepared];
  return prepared.map((each) =>
    each.criteria === undefined ? each : { ...each, criteria: resolveCriteria(each.criteria, (fullUrl) => fixed.get(fullUrl)) },
  );
};

const prepareEntry = (
  server: Server,
  call: Call,
  entry: Entry,
  { n, conditionalReferences }: { readonly n: number; readonly conditionalReferences: FindConditional },
): PreparedEntry => {
  const { target, query, index, resource } = entry;
  const text = entry.text();
  if (!WRITES.has(target.interaction)) {
    throw new FhirError('not-supported', `${target.operation ?? target.interaction} can't be part of a transaction: send it on its own`);
  }
  const type = target.resourceType!;
  const at = `Bundle.entry[${index}].resource`;
  const stores = entry.method === 'POST' || entry.method === 'PUT';
  const valid = stores ? requireValid(server, resource ?? JSON.parse(text), type, { at, text }) : undefined;
  const prepared = valid === undefined ? undefined : resource === undefined ? new ReadAgain(type, entry) : { type, text, resource: valid };
  if (target.interaction === 'update') requireSameId({ type, resource: valid! }, target.id!);
  const inPatch = new Map<string, ConditionalReference>();
  if (isPatch({ entry })) {
    readPatch(server, patchIn(call, entry), (element, address) => {
      const searched = element === 'reference' ? conditional(address) : undefined;
      if (searched !== undefined) inPatch.set(address, searched);
      return undefined;
    });
  }
  const condition = target.interaction.startsWith('conditional-') ? query : target.interaction === 'create' ? entry.ifNoneExist : undefined;
  const criteria = condition === undefined ? undefined : { type, criteria: criteriaIn(condition) };
  // An XML Patch's text isn't JSON; in that of the others a string that is all that an operation brings has another name than its element.
  const inText = isXmlPatch(entry) || isDelete({ entry }) || type === 'Bundle' ? NO_REFERENCES : conditionalReferences(text);
  const references = inPatch.size === 0 ? inText : new Map([...inText, ...inPatch]);
  for (const searched of [...references.values(), ...(criteria === undefined ? [] : [criteria])]) {
    if (!server.registry.isResourceType(searched.type)) throw new FhirError('unknown-type', `${searched.type} is no FHIR R4 resource type`);
    requireSearchable(server, call, searched.type, searched.criteria);
  }
  const given = valid?.['id'];
  const own = target.interaction === 'conditional-update' && typeof given === 'string' ? given : newLogicalId();
  return { entry, type, prepared, id: target.id ?? own, n, criteria, references, namesVersion: text.includes('/_history/') };
};

/** What is known to be valid, read from the entry each time. */
class ReadAgain implements Prepared {
  readonly type: string;
  readonly #entry: Entry;

  constructor(type: string, entry: Entry) {
    this.type = type;
    this.#entry = entry;
  }

  get text(): string {
    return this.#entry.text();
  }

  get resource(): Prepared['resource'] {
    return JSON.parse(this.text) as Prepared['resource'];
  }
}

const requireFirst = (seen: Map<string, number>, name: string, { index }: Entry): void => {
  const first = seen.get(name);
  if (first !== undefined && first !== index) {
    throw new FhirError(
      'invalid',
      `Bundle.entry[${first}] and Bundle.entry[${index}] are both about ${name.slice(0, 120)}: a transaction takes each once`,
      { expression: `Bundle.entry[${index}]` },
    );
  }
  seen.set(name, index);
};

/** Criteria to lock, since something may be created or changed by them, and whether there are any to look up. */
export const criteriaOf = (prepared: readonly PreparedEntry[]): { readonly locked: ConditionalReference[]; readonly areAny: boolean } => {
  const locked = prepared.flatMap(({ criteria }) => criteria ?? []);
  return { locked, areAny: locked.length > 0 || prepared.some(({ references }) => references.size > 0) };
};

/** What the entries that delete will store, by their index; reads on `db`, writes nothing. */
export const planDeletes = async (
  server: Server,
  call: Call,
  prepared: readonly PreparedEntry[],
  db: Db,
): Promise<Map<number, readonly Plan[]>> => {
  const plain = prepared.filter(({ criteria }) => criteria === undefined);
  const heads = await readHeads(
    db,
    plain.map(({ type, id }) => ({ typeId: server.registry.typeId(type), id })),
  );
  const plans = new Map<number, readonly Plan[]>();
  for (const { entry, type, id, criteria } of prepared) {
    const caller = entryCall(call, entry);
    if (criteria !== undefined) {
      plans.set(entry.index, await inEntryAsync(entry, () => planConditionalDelete(server, caller, db, criteria.criteria)));
      continue;
    }
    const head = heads.get(`${server.registry.typeId(type)}/${id}`);
    inEntry(entry, () => requireMatch(parseIfMatch(entry.ifMatch), head));
    plans.set(entry.index, [planDelete(server, caller, type, id, head)]);
  }
  return plans;
};

/** Says what some entries will store, by their index; reads on the same connection, writes nothing. */
export type PlanSome = (some: readonly PreparedEntry[]) => Promise<Map<number, readonly Plan[]>>;

/** Looks up what the entries other than deletes are about, all together. Throws 412 where criteria match nothing or too much. */
export const openPlanning = async (server: Server, call: Call, prepared: readonly PreparedEntry[], db: Db): Promise<PlanSome> => {
  const { matched, resolved } = await matchConditions(server, prepared, db);
  const matchOf = ({ entry }: PreparedEntry): Match | undefined => matched.get(entry.index);
  const headsOf = async (some: readonly PreparedEntry[]): Promise<(entry: PreparedEntry) => Head | undefined> => {
    const keyOf = (entry: PreparedEntry): { readonly typeId: number; readonly id: string } => ({
      typeId: server.registry.typeId(entry.type),
      id: matchOf(entry)?.id ?? entry.id,
    });
    const existing = some.filter((entry) => entry.entry.target.interaction !== 'create' || matchOf(entry) !== undefined);
    const heads = await readHeads(db, existing.map(keyOf));
    return (entry) => {
      const { typeId, id } = keyOf(entry);
      return heads.get(`${typeId}/${id}`);
    };
  };
  const versions = new Map<string, number | undefined>();
  if (prepared.some(({ namesVersion }) => namesVersion)) {
    for (let from = 0; from < prepared.length; from += IN_ONE_TURN) {
      const some = prepared.slice(from, from + IN_ONE_TURN);
      const headOf = await headsOf(some);
      for (const each of some) versions.set(`${each.type}/${matchOf(each)?.id ?? each.id}`, versionToBe(each, headOf(each)));
    }
  }
  const versionOf = (target: string): number | undefined => versions.get(target);
  return async (some) => {
    const headOf = await headsOf(some);
    return new Map(
      some.map((each) => {
        const found = { match: matchOf(each), head: headOf(each), resolved, versionOf };
        return [each.entry.index, [inEntry(each.entry, () => planWrite(server, call, each, found))]];
      }),
    );
  };
};

/** Undefined where it depends on whether anything changes. */
const versionToBe = ({ entry }: PreparedEntry, head: Head | undefined): number | undefined => {
  if (head === undefined) return 1;
  if (entry.target.interaction === 'create') return head.version;
  return head.body === null ? head.version + 1 : undefined;
};

interface Found {
  readonly match: Match | undefined;
  /** Of the match, else of the entry's own id. */
  readonly head: Head | undefined;
  readonly resolved: ReadonlyMap<string, string>;
  readonly versionOf: Addresses['versionOf'];
}

const planWrite = (server: Server, call: Call, prepared: PreparedEntry, { match, head, resolved, versionOf }: Found): Plan => {
  const { entry, type, id, n, criteria } = prepared;
  const caller = entryCall(call, entry);
  const addresses = { registry: server.registry, resolved, fullUrl: entry.fullUrl, versionOf };
  const resolve = (text: string): string => (type === 'Bundle' ? text : resolveReferences(text, addresses));
  if (isPatch(prepared)) {
    if (criteria !== undefined && match === undefined)
      throw new FhirError(
        'not-found',
        `nothing matches ${keyOf(criteria).split('?', 1)[0]} by the given criteria, so that nothing can be patched`,
      );
    const text = isXmlPatch(entry) ? entry.text() : resolve(entry.text());
    const patch = readPatch(server, { ...patchIn(call, entry), text }, type === 'Bundle' ? undefined : addressResolver(addresses));
    return planPatch(server, caller, patch, { type, id: head?.id ?? id, head });
  }
  if (entry.target.interaction === 'create' && head !== undefined) return planExisting(caller, type, head);
  const given = prepared.prepared!.text;
  const text = resolve(given);
  const resource = text === given ? prepared.prepared!.resource : (JSON.parse(text) as Prepared['resource']);
  const ready = { type, text, resource };
  if (entry.target.interaction === 'create') return planCreate(server, caller, ready, id, n);
  if (criteria !== undefined) {
    const found = match === undefined ? { match: undefined, named: head } : { match: head, named: undefined };
    return planConditionalUpdate(server, caller, ready, { ...found, fresh: { id, n } });
  }
  requireMatch(parseIfMatch(entry.ifMatch), head);
  requireNoneMatch(entry.ifNoneMatch, head);
  return head === undefined ? planCreate(server, caller, ready, id, n) : planUpdate(server, caller, ready, head);
};

/** Throws 400 where an entry that updates or patches by criteria is about a resource that another deletes; to be asked before the delete. */
export const requireKept = async (
  server: Server,
  prepared: readonly PreparedEntry[],
  deletes: ReadonlyMap<number, readonly Plan[]>,
  db: Db,
): Promise<void> => {
  const changed = prepared.filter(({ entry, criteria }) => criteria !== undefined && entry.target.interaction !== 'create');
  if (changed.length === 0 || deletes.size === 0) return;
  const deletedBy = new Map([...deletes].flatMap(([index, plans]) => plans.map(({ type, id }) => [`${type}/${id}`, index] as const)));
  for (const { entry, type, criteria } of changed) {
    const match = await inEntryAsync(entry, () => matchOne(server, db, type, criteria!.criteria));
    if (match !== undefined) requireFirst(deletedBy, `${type}/${match.id}`, entry);
  }
};

/** To be told of plans as they are made; throws 400 where two entries are about one resource, each by its address or by what its criteria match. */
export const requireDistinct = (): ((entries: readonly Entry[], plans: ReadonlyMap<number, readonly Plan[]>) => void) => {
  const seen = new Map<string, number>();
  return (entries, plans) => {
    for (const entry of entries) {
      for (const { type, id } of plans.get(entry.index) ?? []) if (id !== '') requireFirst(seen, `${type}/${id}`, entry);
    }
  };
};
