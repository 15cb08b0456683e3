import { requireScope } from '../http/identity.ts';
import type { Call } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { parseIfMatch, requireMatch } from '../http/preconditions.ts';
import type { Server } from '../server.ts';
import { type Head, readHeads } from '../store/head.ts';
import { newLogicalId } from '../store/logical-id.ts';
import type { Db } from '../store/pool.ts';
import type { Entry } from './bundle.ts';
import { matchOne, planExisting } from './conditional.ts';
import { entryCall } from './entry-call.ts';
import { type Plan, planCreate, planDelete, planUpdate } from './plan.ts';
import { parseBody, type Prepared, requireSameId, requireValid } from './prepare.ts';
import { type ConditionalReference, conditionalReferences, resolveReferences } from './references.ts';
import { inEntry } from './transaction-entry.ts';

type Criteria = ConditionalReference;

/** A writing entry, as far as it can be worked out before the database is asked. */
export interface PreparedEntry {
  readonly entry: Entry;
  readonly type: string;
  /** Absent on delete. */
  readonly prepared: Prepared | undefined;
  /** From the address, or new; what a match of `criteria` has instead wins. */
  readonly id: string;
  /** Number for a new resource key. */
  readonly n: number;
  /** Of a conditional create or update. */
  readonly criteria: Criteria | undefined;
  readonly references: ReadonlyMap<string, Criteria>;
}

const WRITES = new Set(['create', 'update', 'conditional-update', 'delete']);

/** Checks and parses every entry that writes; throws 400 naming the entry. */
export const prepareEntries = async (server: Server, call: Call, entries: readonly Entry[]): Promise<PreparedEntry[]> => {
  const writing = entries.filter(({ method }) => method !== 'GET');
  const numbers = await server.rids.take(writing.length);
  const prepared = writing.map((entry, i) => inEntry(entry, () => prepareEntry(server, call, entry, numbers[i]!)));
  requireDistinct(prepared);
  return prepared;
};

const prepareEntry = (server: Server, call: Call, entry: Entry, n: number): PreparedEntry => {
  const { target, text, query, index } = entry;
  if (!WRITES.has(target.interaction)) {
    throw new FhirError('not-supported', `${target.operation ?? target.interaction} can't be part of a transaction: send it on its own`);
  }
  const type = target.resourceType!;
  const isDelete = target.interaction === 'delete';
  const prepared = isDelete
    ? undefined
    : { type, text, resource: requireValid(server, parseBody(text), type, `Bundle.entry[${index}].resource`) };
  if (target.interaction === 'update') requireSameId(prepared!, target.id!);
  const criteria = target.interaction === 'conditional-update' ? query : target.interaction === 'create' ? entry.ifNoneExist : undefined;
  if (criteria === '') throw new FhirError('invalid', 'a conditional interaction needs criteria, such as identifier=system|value');
  const references = isDelete ? new Map<string, Criteria>() : conditionalReferences(text);
  for (const searched of [...references.values(), ...(criteria === undefined ? [] : [{ type }])]) {
    if (!server.registry.isResourceType(searched.type)) throw new FhirError('unknown-type', `${searched.type} is no FHIR R4 resource type`);
    requireScope(call.identity, searched.type, 's');
  }
  const given = prepared?.resource['id'];
  const own = target.interaction === 'conditional-update' && typeof given === 'string' ? given : newLogicalId();
  return { entry, type, prepared, id: target.id ?? own, n, criteria: criteria === undefined ? undefined : { type, criteria }, references };
};

const requireDistinct = (prepared: readonly PreparedEntry[]): void => {
  const seen = new Map<string, number>();
  for (const { entry, type, id } of prepared) {
    for (const name of [`${type}/${id}`, ...(entry.fullUrl === undefined ? [] : [entry.fullUrl])]) {
      const first = seen.get(name);
      if (first !== undefined && first !== entry.index) {
        throw new FhirError(
          'invalid',
          `Bundle.entry[${first}] and Bundle.entry[${entry.index}] are both about ${name.slice(0, 120)}: a transaction takes each once`,
          {
            expression: `Bundle.entry[${entry.index}]`,
          },
        );
      }
      seen.set(name, entry.index);
    }
  }
};

const keyOf = ({ type, criteria }: Criteria): string => `${type}?${criteria}`;

/** Criteria to lock, since something may be created by them, and those only to look up. */
export const criteriaOf = (prepared: readonly PreparedEntry[]): { readonly locked: Criteria[]; readonly looked: Criteria[] } => ({
  locked: prepared.flatMap(({ criteria }) => criteria ?? []),
  looked: prepared.flatMap(({ references }) => [...references.values()]),
});

/** What every entry will store, by its index; reads on `db`, writes nothing. Throws 412 where criteria match nothing or too much. */
export const planEntries = async (server: Server, call: Call, prepared: readonly PreparedEntry[], db: Db): Promise<Map<number, Plan>> => {
  const matches = await matchAll(server, prepared, db);
  const matched = ({ criteria }: PreparedEntry): string | undefined => (criteria === undefined ? undefined : matches.get(keyOf(criteria)));
  const resolved = new Map<string, string>();
  for (const entry of prepared) {
    if (entry.entry.fullUrl !== undefined) resolved.set(entry.entry.fullUrl, `${entry.type}/${matched(entry) ?? entry.id}`);
    for (const [written, criteria] of entry.references) {
      const id = matches.get(keyOf(criteria));
      if (id === undefined) {
        inEntry(entry.entry, () => {
          throw new FhirError('precondition', `nothing matches the conditional reference to ${criteria.type}: store that resource first`);
        });
      }
      resolved.set(written, `${criteria.type}/${id}`);
    }
  }
  const existing = prepared.filter((entry) => entry.entry.target.interaction !== 'create' || matched(entry) !== undefined);
  const heads = await readHeads(
    db,
    existing.map((entry) => ({ typeId: server.registry.typeId(entry.type), id: matched(entry) ?? entry.id })),
  );
  const plans = prepared.map((entry): [number, Plan] => {
    const id = matched(entry) ?? entry.id;
    const head = heads.get(`${server.registry.typeId(entry.type)}/${id}`);
    return [entry.entry.index, inEntry(entry.entry, () => planEntry(server, call, entry, { id, head, resolved }))];
  });
  return new Map(plans);
};

interface Found {
  readonly id: string;
  readonly head: Head | undefined;
  readonly resolved: ReadonlyMap<string, string>;
}

const planEntry = (server: Server, call: Call, { entry, type, prepared, n }: PreparedEntry, { id, head, resolved }: Found): Plan => {
  const caller = entryCall(call, entry);
  requireMatch(parseIfMatch(entry.ifMatch), head?.version);
  if (prepared === undefined) return planDelete(server, caller, type, id, head);
  if (entry.target.interaction === 'create' && head !== undefined) return planExisting(caller, type, head);
  const text = resolveReferences(prepared.text, { resolved, fullUrl: entry.fullUrl });
  const resource = text === prepared.text ? prepared.resource : (JSON.parse(text) as Prepared['resource']);
  if (head === undefined) return planCreate(server, caller, { type, text, resource }, id, n);
  if (entry.target.interaction === 'conditional-update' && resource['id'] !== undefined && resource['id'] !== id) {
    throw new FhirError('invalid', 'the resource that matches has another id than the one sent: leave the id out', {
      expression: `${type}.id`,
    });
  }
  return planUpdate(server, caller, { type, text, resource }, head);
};

const matchAll = async (server: Server, prepared: readonly PreparedEntry[], db: Db): Promise<Map<string, string>> => {
  const { locked, looked } = criteriaOf(prepared);
  const distinct = new Map([...locked, ...looked].map((criteria) => [keyOf(criteria), criteria]));
  const found = new Map<string, string>();
  await Promise.all(
    [...distinct].map(async ([key, { type, criteria }]) => {
      const match = await matchOne(server, db, type, criteria);
      if (match !== undefined) found.set(key, match.id);
    }),
  );
  return found;
};
