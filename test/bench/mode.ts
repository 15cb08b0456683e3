/** The requests that are measured, each made from the population by random choice. */
import { codeAndYear, MRN_SYSTEM, newPerson, patientOf, personAt } from './population.ts';
import { createRandom, type Random } from './random.ts';

export const MODES = ['create', 'read', 'identifier', 'name-birthdate', 'patient-code-date', 'include', 'bundle'] as const;
export type Mode = (typeof MODES)[number];

export const MODE_TITLES: Readonly<Record<Mode, string>> = {
  create: 'create Patient',
  read: 'read Patient',
  identifier: 'search: identifier',
  'name-birthdate': 'search: family + birthdate',
  'patient-code-date': 'search: patient + code + date',
  include: 'search: _include',
  bundle: 'transaction Bundle, per entry',
};

export interface BenchRequest {
  readonly method: 'GET' | 'POST';
  /** After the base. */
  readonly path: string;
  readonly body?: string;
  /** Resources that it stores or asks for. */
  readonly entries: number;
}

export interface BundleFile {
  readonly body: string;
  readonly entries: number;
}

/** What requests are made from; plain data, for it goes to other threads. */
export interface RequestSource {
  readonly mode: Mode;
  /** Of the population. */
  readonly seed: number;
  /** Logical ids of its patients on this server, by index. */
  readonly ids: readonly string[];
  readonly bundles: readonly BundleFile[];
  /** Part of the identifiers of what is created, so that no two runs create the same. */
  readonly run: string;
}

const encode = encodeURIComponent;

/** Makes one caller's requests; the same sequence for the same source and `caller`. */
export const createRequests = (source: RequestSource, caller: number): (() => BenchRequest) => {
  const { mode, seed, ids, bundles, run } = source;
  const random: Random = createRandom(seed, caller, MODES.indexOf(mode), 77);
  let made = 0;
  const index = (): number => random.below(ids.length);
  const get = (path: string): BenchRequest => ({ method: 'GET', path, entries: 1 });
  switch (mode) {
    case 'create':
      return () => {
        const person = newPerson(random, `new-${run}-${caller}-${made++}`);
        return { method: 'POST', path: '/Patient', body: JSON.stringify(patientOf(random, person)), entries: 1 };
      };
    case 'read':
      return () => get(`/Patient/${ids[index()]}`);
    case 'identifier':
      return () => get(`/Patient?identifier=${encode(`${MRN_SYSTEM}|${personAt(seed, index()).mrn}`)}`);
    case 'name-birthdate':
      return () => {
        const { family, birthDate } = personAt(seed, index());
        return get(`/Patient?family=${family}&birthdate=${birthDate}`);
      };
    case 'patient-code-date':
      return () => {
        const { code, from, before } = codeAndYear(random);
        return get(`/Observation?patient=${ids[index()]}&code=${encode(code)}&date=ge${from}&date=lt${before}`);
      };
    case 'include':
      return () => get(`/Observation?patient=${ids[index()]}&_include=Observation:patient&_count=50`);
    case 'bundle':
      made = caller;
      return () => ({ method: 'POST', path: '', ...bundles[made++ % bundles.length]! });
  }
};
