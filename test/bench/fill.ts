/** Fills a server with the population, the same on each, and says how many resources it holds afterwards. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPool } from '../../fhir/store/pool.ts';
import { MRN_SYSTEM, organizationOf, PER_PATIENT, personAt, practitionerOf, recordOf } from './population.ts';
import type { Side } from './side.ts';
import { textOf, type Transport } from './transport.ts';

/** What is known of a side's population; kept in a file, for a later run. */
export interface Filled {
  readonly seed: number;
  /** Logical ids by index. */
  readonly patients: string[];
  readonly organizations: string[];
  readonly practitioners: string[];
}

export interface Growth {
  readonly resources: number;
  readonly seconds: number;
  /** Of the database for each resource added; undefined where the database isn't known. */
  readonly bytesPerResource: number | undefined;
}

const PATIENTS_PER_BUNDLE = 5;
const BUNDLES_AT_ONCE = 4;
const LIMIT_MINUTES = 90;
const ORGANIZATIONS = 20;
const PRACTITIONERS = 100;
export const TYPES = ['Patient', 'Encounter', 'Observation', 'Organization', 'Practitioner'] as const;

const urn = (n: number): string => `urn:uuid:00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;

/** Stores the resources in one transaction; returns their ids in order. */
const store = async (
  transport: Transport,
  resources: readonly { readonly resource: object; readonly fullUrl: string }[],
): Promise<string[]> => {
  const entry = resources.map(({ resource, fullUrl }) => ({
    fullUrl,
    resource,
    request: { method: 'POST', url: (resource as { resourceType: string }).resourceType },
  }));
  const answer = await transport.send('POST', '', JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }));
  const text = textOf(answer);
  if (answer.status !== 200) throw new Error(`a Bundle of the population was answered with ${answer.status}: ${text.slice(0, 600)}`);
  const { entry: answers } = JSON.parse(text) as { entry: { response: { status: string; location?: string } }[] };
  return answers.map(({ response: { status, location } }) => {
    const id = /[A-Z][A-Za-z]+\/([A-Za-z0-9.-]{1,64})(?:\/_history\/|$)/.exec(location ?? '')?.[1];
    if (id === undefined) throw new Error(`an entry of the population was answered with ${status} and location ${location}`);
    return id;
  });
};

/** What a search by `query` finds, by its count alone; undefined where the server doesn't count. */
export const countOf = async (transport: Transport, query: string): Promise<number | undefined> => {
  const answer = await transport.send('GET', `/${query}${query.includes('?') ? '&' : '?'}_summary=count`);
  if (answer.status !== 200) return undefined;
  return (JSON.parse(textOf(answer)) as { total?: number }).total;
};

export const countsOf = async (transport: Transport): Promise<Record<string, number | undefined>> => {
  const counts: Record<string, number | undefined> = {};
  for (const type of TYPES) counts[type] = await countOf(transport, type);
  return counts;
};

export const databaseBytes = async (url: string | undefined): Promise<number | undefined> => {
  if (url === undefined) return undefined;
  const sql = createPool(url, { max: 1, application: 'bench' });
  try {
    const [row] = await sql.unsafe<{ bytes: string }[]>('select pg_database_size(current_database())::text as bytes');
    return Number(row!.bytes);
  } finally {
    await sql.end();
  }
};

export const openFilled = async (out: string, side: Side, seed: number, transport: Transport): Promise<Filled> => {
  const file = fileOf(out, side);
  const found = await countOf(transport, `Patient?identifier=${encodeURIComponent(`${MRN_SYSTEM}|${personAt(seed, 0).mrn}`)}`);
  if (existsSync(file)) {
    const filled = JSON.parse(readFileSync(file, 'utf8')) as Filled;
    if (filled.seed === seed && (found ?? 0) > 0) return filled;
  }
  if ((found ?? 0) > 0) {
    throw new Error(`${side.name} holds the population of seed ${seed} already: give another --seed, or the --out of the run that made it`);
  }
  return { seed, patients: [], organizations: [], practitioners: [] };
};

const fileOf = (out: string, { name }: Side): string => join(out, `${name}-population.json`);

export interface FillOptions {
  readonly side: Side;
  readonly transport: Transport;
  readonly out: string;
  readonly onProgress: (stored: number, of: number) => void;
}

const addCareTeams = async (transport: Transport, { seed, organizations, practitioners }: Filled): Promise<void> => {
  const numbered = (count: number, make: (seed: number, i: number) => object): { resource: object; fullUrl: string }[] =>
    Array.from({ length: count }, (_, i) => ({ resource: make(seed, i), fullUrl: urn(i) }));
  organizations.push(...(await store(transport, numbered(ORGANIZATIONS, organizationOf))));
  practitioners.push(...(await store(transport, numbered(PRACTITIONERS, practitionerOf))));
};

/** Adds patients until there are `size`. */
export const fill = async (filled: Filled, size: number, { side, transport, out, onProgress }: FillOptions): Promise<Growth> => {
  const { seed, patients, organizations, practitioners } = filled;
  const [before, startedAt, first] = [await databaseBytes(side.databaseUrl), performance.now(), patients.length];
  if (organizations.length === 0) await addCareTeams(transport, filled);
  let next = first;
  const work = async (): Promise<void> => {
    while (next < size) {
      if (performance.now() - startedAt > LIMIT_MINUTES * 60_000)
        throw new Error(`${side.name} took ${next} of ${size} patients in ${LIMIT_MINUTES} minutes: try fewer`);
      const from = next;
      const to = (next = Math.min(size, from + PATIENTS_PER_BUNDLE));
      const resources: { resource: object; fullUrl: string }[] = [];
      const places: number[] = [];
      for (let i = from; i < to; i++) {
        const care = {
          organization: `Organization/${organizations[i % organizations.length]}`,
          practitioner: `Practitioner/${practitioners[i % practitioners.length]}`,
        };
        places.push(resources.length);
        const fullUrl = urn(resources.length);
        for (const resource of recordOf(seed, i, fullUrl, care)) resources.push({ resource, fullUrl: urn(resources.length) });
      }
      const ids = await store(transport, resources);
      places.forEach((place, i) => (patients[from + i] = ids[place]!));
      onProgress(to, size);
    }
  };
  await Promise.all(Array.from({ length: BUNDLES_AT_ONCE }, work));
  mkdirSync(out, { recursive: true });
  writeFileSync(fileOf(out, side), JSON.stringify(filled));
  const resources = (patients.length - first) * PER_PATIENT;
  const after = await databaseBytes(side.databaseUrl);
  return {
    resources,
    seconds: (performance.now() - startedAt) / 1000,
    bytesPerResource: before === undefined || after === undefined || resources === 0 ? undefined : (after - before) / resources,
  };
};
