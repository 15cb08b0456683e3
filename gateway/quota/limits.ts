/** How much each client may ask for: quotas.yaml. */
import { isScalar, isSeq, type Node } from 'yaml';
import type { InteractionClass } from '../../proto/access/interaction.ts';
import { YamlReader } from '../config/yaml-reader.ts';

export interface Limit {
  readonly name: string;
  /** Requests in a period; 0 blocks, Infinity doesn't limit. */
  readonly limit: number;
  readonly periodMs: number;
  /** What happens while Redis doesn't answer: count here, refuse, or let pass. */
  readonly onRedisDown: 'local' | 'deny' | 'allow';
  /** Counts and reports, but never refuses. */
  readonly isShadow: boolean;
  /** Applies to clients of this tier, to this client, or with neither to every client; each client has its own count. */
  readonly tier: string | undefined;
  readonly client: string | undefined;
  /** Empty: all. */
  readonly classes: ReadonlySet<InteractionClass>;
}

export interface Quotas {
  readonly limits: readonly Limit[];
  /** Where each quota stands, by its name: `file:line:column`. */
  readonly places: ReadonlyMap<string, string>;
  /** Those that apply to a request, in the order of the file. */
  applying(client: string, tier: string, interactionClass: InteractionClass): readonly Limit[];
}

const FIELDS = ['name', 'tier', 'client', 'class', 'limit', 'per', 'onRedisDown', 'mode'] as const;
const CLASSES = ['read', 'search', 'write', 'bulk', 'operation', 'capabilities'] as const satisfies InteractionClass[];
const ON_REDIS_DOWN = ['local', 'deny', 'allow'] as const;
const UNITS: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const MAX_LIMIT = 1_000_000_000;
const MAX_PERIOD = 31 * 86_400_000;

/** Throws ConfigError with every reason as file:line:column. */
export const parseQuotas = (text: string, file: string): Quotas => {
  const reader = new YamlReader(text, file);
  const { quotas: list } = reader.fields(reader.root, ['quotas'], 'the file');
  const limits: Limit[] = [];
  const places = new Map<string, string>();
  if (list === undefined && reader.reasons.length === 0)
    reader.refuse(reader.root, 'quotas is missing: an empty list is written quotas: []');
  for (const node of list === undefined ? [] : reader.list(list, 'quotas')) {
    const limit = readLimit(reader, node, places);
    if (limit !== undefined) limits.push(limit);
  }
  reader.finish();
  const known = new Map<string, readonly Limit[]>();
  return {
    limits,
    places,
    applying: (client, tier, interactionClass) => {
      const key = `${client} ${tier} ${interactionClass}`;
      let found = known.get(key);
      if (found === undefined) {
        found = limits.filter(
          (limit) =>
            (limit.client === undefined || limit.client === client) &&
            (limit.tier === undefined || limit.tier === tier) &&
            (limit.classes.size === 0 || limit.classes.has(interactionClass)),
        );
        known.set(key, found);
      }
      return found;
    },
  };
};

const readLimit = (reader: YamlReader, node: Node, places: Map<string, string>): Limit | undefined => {
  const fields = reader.fields(node, FIELDS, 'a quota');
  const name = reader.text(fields.name, 'name', node);
  if (name !== undefined) {
    if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) reader.refuse(fields.name, 'a name has up to 64 lower-case letters, digits and dashes');
    if (places.has(name)) reader.refuse(fields.name, `the name ${name} is there twice`);
    places.set(name, reader.placeOf(node));
  }
  if (fields.tier !== undefined && fields.client !== undefined)
    reader.refuse(fields.client, 'a quota is for a tier or for a client, not for both');
  return {
    name: name ?? '',
    tier: fields.tier === undefined ? undefined : reader.text(fields.tier, 'tier'),
    client: fields.client === undefined ? undefined : reader.text(fields.client, 'client'),
    classes: classesOf(reader, fields.class),
    limit: limitOf(reader, fields.limit, node),
    periodMs: periodOf(reader, fields.per, node),
    onRedisDown: choice(reader, fields.onRedisDown, ON_REDIS_DOWN, 'onRedisDown'),
    isShadow: choice(reader, fields.mode, ['enforce', 'shadow'], 'mode') === 'shadow',
  };
};

const choice = <const T extends string>(reader: YamlReader, node: Node | undefined, choices: readonly [T, ...T[]], what: string): T => {
  if (node === undefined) return choices[0];
  const value = isScalar(node) ? node.value : undefined;
  const found = choices.find((each) => each === value);
  if (found === undefined) reader.refuse(node, `${what} is one of ${choices.join(', ')}`);
  return found ?? choices[0];
};

const classesOf = (reader: YamlReader, node: Node | undefined): Set<InteractionClass> => {
  const classes = new Set<InteractionClass>();
  for (const each of node === undefined ? [] : isSeq(node) ? (node.items as Node[]) : [node]) {
    const value = isScalar(each) ? each.value : undefined;
    const found = CLASSES.find((known) => known === value);
    if (found !== undefined) classes.add(found);
    else if (value === 'any' && !isSeq(node)) return new Set();
    else reader.refuse(each, `class is one or a list of ${CLASSES.join(', ')}, or any`);
  }
  return classes;
};

const limitOf = (reader: YamlReader, node: Node | undefined, owner: Node): number => {
  const value = isScalar(node) ? node.value : undefined;
  if (value === 'unlimited') return Infinity;
  if (value === 'blocked') return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_LIMIT) return value;
  reader.refuse(node ?? owner, `limit is a whole number from 1 to ${MAX_LIMIT}, unlimited or blocked`);
  return 0;
};

const periodOf = (reader: YamlReader, node: Node | undefined, owner: Node): number => {
  const value = isScalar(node) ? String(node.value) : '';
  const [, count = '1', unit = ''] = /^(\d{0,7})\s?(second|minute|hour|day|s|m|h|d)s?$/.exec(value) ?? [];
  const ms = Number(count || '1') * (UNITS[unit] ?? 0);
  if (ms >= 1000 && ms <= MAX_PERIOD) return ms;
  reader.refuse(node ?? owner, 'per is second, minute, hour, day, or a number of them such as 10s, 15m, 6h, 7d, up to 31 days');
  return 1000;
};
