/**
 * SMART system scopes: what a client may do to which resource type.
 * Source: https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html (v2, and v1's read, write and *)
 */
import type { Classified, Interaction } from './interaction.ts';

export type ScopeLetter = 'c' | 'r' | 'u' | 'd' | 's';

/** Per resource type, or `*` for all of them, the letters as bits. */
export type ScopeSet = ReadonlyMap<string, number>;

const BIT: Record<ScopeLetter, number> = { c: 1, r: 2, u: 4, d: 8, s: 16 };
const SCOPE = /^system\/(\*|[A-Z][A-Za-z]{1,63})\.(read|write|\*|(?=[cruds])c?r?u?d?s?)$/;
const V1: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };

/** Throws an Error that names the first scope that is not one. */
export const parseScopes = (list: readonly string[]): ScopeSet => {
  const set = new Map<string, number>();
  for (const scope of list) {
    const [, type, letters] = SCOPE.exec(scope) ?? [];
    if (type === undefined || letters === undefined) {
      throw new Error(
        `"${scope.slice(0, 100)}" is not a scope: write system/<ResourceType or *>.<letters of cruds, in that order>, such as system/Patient.rs`,
      );
    }
    let bits = set.get(type) ?? 0;
    for (const letter of V1[letters] ?? letters) bits |= BIT[letter as ScopeLetter];
    set.set(type, bits);
  }
  return set;
};

/** The scope to ask for, or undefined where the set allows it; `*` asks for all types at once. */
export const missingScope = (set: ScopeSet, resourceType: string, letter: ScopeLetter): string | undefined =>
  (((set.get('*') ?? 0) | (set.get(resourceType) ?? 0)) & BIT[letter]) === 0 ? `system/${resourceType}.${letter}` : undefined;

export interface NeededScope {
  readonly resourceType: string;
  readonly letter: ScopeLetter;
}

/** Interactions that no scope alone allows. */
const UNSCOPED = ['capabilities', 'batch', 'operation', 'job-status', 'job-cancel', 'job-file'] as const;
type Unscoped = (typeof UNSCOPED)[number];
const isUnscoped = (interaction: Interaction): interaction is Unscoped => (UNSCOPED as readonly string[]).includes(interaction);

const LETTER: Record<Exclude<Interaction, Unscoped>, ScopeLetter> = {
  read: 'r',
  vread: 'r',
  'history-instance': 'r',
  'history-type': 's',
  'history-system': 's',
  'search-type': 's',
  'search-system': 's',
  'search-compartment': 's',
  create: 'c',
  // An update that creates is allowed by u: SMART says so where it explains the letter.
  update: 'u',
  'conditional-update': 'u',
  patch: 'u',
  'conditional-patch': 'u',
  delete: 'd',
  'conditional-delete': 'd',
};

/** None for capabilities (anyone known), batch (judged entry by entry), operations (allowed by name) and jobs (only for who began them). */
export const neededScopes = ({ interaction, resourceType }: Pick<Classified, 'interaction' | 'resourceType'>): readonly NeededScope[] =>
  isUnscoped(interaction) ? [] : [{ resourceType: resourceType ?? '*', letter: LETTER[interaction] }];
