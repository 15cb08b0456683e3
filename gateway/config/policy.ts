import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ClientRegistry, parseClients } from '../clients/registry.ts';
import { parseQuotas, type Quotas } from '../quota/limits.ts';
import { ConfigError } from './yaml-reader.ts';

/** What is decided by: both files of one moment. */
export interface Policy {
  /** Changes with the files' content; the signed identity names it. */
  readonly version: string;
  readonly registry: ClientRegistry;
  readonly quotas: Quotas;
  /** What is allowed and seldom meant, as file:line:column: text. */
  readonly notes: readonly string[];
}

export const POLICY_FILES = ['clients.yaml', 'quotas.yaml'] as const;

/** A tier is a word that both files use: one that is misspelt would leave its clients without any quota, and nobody would be told. */
const notesOn = ({ clients, places }: ClientRegistry, quotas: Quotas, nowMs: number): string[] => [
  ...[...clients.values()].flatMap(({ id, tier, notAfterMs }) => [
    ...(quotas.limits.some((limit) => (limit.client ?? id) === id && (limit.tier ?? tier) === tier)
      ? []
      : [`${places.get(id)}: no quota counts the client ${id} of the tier ${tier}: it may ask without limit`]),
    ...(notAfterMs <= nowMs ? [`${places.get(id)}: the registration of ${id} ended at ${new Date(notAfterMs).toISOString()}`] : []),
  ]),
  ...quotas.limits
    .filter(({ tier }) => tier !== undefined && ![...clients.values()].some((client) => client.tier === tier))
    .map(({ name, tier }) => `${quotas.places.get(name)}: no client is of the tier ${tier}, which the quota ${name} is for`),
];

/** As much as a ConfigMap may have. Nothing is decided while a file is read: this much takes one to two seconds. */
const MAX_BYTES = 1 << 20;

/** Throws where it isn't a file of that size at the most: to read a pipe would wait for ever. */
const readWhole = (file: string): string => {
  const stats = statSync(file);
  if (!stats.isFile()) throw new Error('it is no file');
  if (stats.size > MAX_BYTES) throw new Error(`it has ${stats.size} bytes, and ${MAX_BYTES} are the most`);
  return readFileSync(file, 'utf8');
};

/** Reads both files of the folder; throws ConfigError with everything that is wrong in either. */
export const loadPolicy = (dir: string): Policy => {
  const reasons: string[] = [];
  const hash = createHash('sha256');
  const load = <T>(name: string, parse: (text: string, file: string) => T): T | undefined => {
    const file = join(dir, name);
    try {
      const text = readWhole(file);
      hash.update(`${text.length}:${text}`);
      return parse(text, file);
    } catch (error) {
      if (error instanceof ConfigError) reasons.push(...error.reasons);
      else reasons.push(`${file}: can't be read: ${(error as Error).message}`);
      return undefined;
    }
  };
  const registry = load('clients.yaml', parseClients);
  const quotas = load('quotas.yaml', parseQuotas);
  if (registry === undefined || quotas === undefined) throw new ConfigError(reasons);
  for (const { name, client } of quotas.limits) {
    if (client !== undefined && !registry.clients.has(client))
      reasons.push(`${quotas.places.get(name)}: the quota ${name} is for the client ${client}, which clients.yaml hasn't`);
  }
  if (reasons.length > 0) throw new ConfigError(reasons);
  return { version: hash.digest('hex').slice(0, 12), registry, quotas, notes: notesOn(registry, quotas, Date.now()) };
};
