import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
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
}

export const POLICY_FILES = ['clients.yaml', 'quotas.yaml'] as const;

/** Reads both files of the folder; throws ConfigError with everything that is wrong in either. */
export const loadPolicy = (dir: string): Policy => {
  const reasons: string[] = [];
  const hash = createHash('sha256');
  const load = <T>(name: string, parse: (text: string, file: string) => T): T | undefined => {
    const file = join(dir, name);
    try {
      const text = readFileSync(file, 'utf8');
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
      reasons.push(`${join(dir, 'quotas.yaml')}: the quota ${name} is for the client ${client}, which clients.yaml hasn't`);
  }
  if (reasons.length > 0) throw new ConfigError(reasons);
  return { version: hash.digest('hex').slice(0, 12), registry, quotas };
};
