/** What $expand is asked with. */
import type { Call } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { isOfLanguage } from '../terminology/display.ts';
import type { WantedVersions } from '../terminology/pinned-versions.ts';
import { type Designation, splitCanonical } from '../terminology/resources.ts';
import { requireNow } from './definition-date.ts';
import { textParameter } from './parameters.ts';
import { booleanParameter, countParameter, type Parameters, requireKnown, textParameters } from './terminology-call.ts';

/** The parameters that change the answer, as expansion.parameter tells them. */
const TOLD = [
  'filter',
  'displayLanguage',
  'designation',
  'includeDesignations',
  'includeDefinition',
  'activeOnly',
  'excludeNested',
  'excludeNotForUI',
  'exclude-system',
  'system-version',
  'check-system-version',
  'force-system-version',
];
// No code system here has post-coordinated codes.
const NAMES = ['url', 'valueSet', 'valueSetVersion', 'offset', 'count', 'date', 'excludePostCoordinated', 'resource', ...TOLD];
const CONTEXT = ['context', 'contextDirection'];

export interface ExpandRequest {
  readonly filter: string | undefined;
  readonly offset: number;
  readonly count: number | undefined;
  readonly activeOnly: boolean;
  readonly nested: boolean;
  readonly forChoice: boolean;
  /** Whether a designation is wanted. */
  readonly isShown: (designation: Designation) => boolean;
  readonly withDefinition: boolean;
  readonly language: string | undefined;
  readonly versions: WantedVersions;
  /** ValueSet.expansion.parameter */
  readonly told: readonly object[];
}

const LANGUAGES = 'urn:ietf:bcp:47';

/** A language or a use, as `system|code` or the code alone. */
const matchesToken = (token: string): ((designation: Designation) => boolean) => {
  const bar = token.indexOf('|');
  const [system, code] = bar === -1 ? [undefined, token] : [token.slice(0, bar), token.slice(bar + 1)];
  return ({ language, use }) => {
    const own = (use ?? {}) as { readonly system?: string; readonly code?: string };
    const isLanguage = language !== undefined && (code === '' || isOfLanguage(language, code));
    if (system === LANGUAGES) return isLanguage;
    if (system === undefined) return isLanguage || own.code === code;
    return own.system === system && (code === '' || own.code === code);
  };
};

const shownBy = (parameters: Parameters): ((designation: Designation) => boolean) => {
  const tokens = textParameters(parameters, 'designation');
  const all = booleanParameter(parameters, 'includeDesignations');
  if (all === false || (all === undefined && tokens.length === 0)) return () => false;
  if (tokens.length === 0) return () => true;
  const tests = tokens.map(matchesToken);
  return (designation) => tests.some((test) => test(designation));
};

const versionsOf = (parameters: Parameters, name: string): ReadonlyMap<string, string> => {
  const versions = new Map<string, string>();
  for (const canonical of textParameters(parameters, name)) {
    const [system, version] = splitCanonical(canonical);
    if (version === undefined || system === '')
      throw new FhirError('value', `the parameter ${name} is system|version`, { expression: `http.${name}` });
    if ((versions.get(system) ?? version) !== version)
      throw new FhirError('invalid', `the parameter ${name} names two versions of ${system.slice(0, 200)}`, { expression: `http.${name}` });
    versions.set(system, version);
  }
  return versions;
};

const BOOLEANS: ReadonlySet<string> = new Set(TOLD.filter((name) => /^(?:include|exclude[A-Z]|active)/.test(name)));
const URIS: ReadonlySet<string> = new Set(TOLD.filter((name) => name.includes('-')));

const toldOf = (parameters: Parameters): object[] =>
  parameters.flatMap(({ name, value }) => {
    if (!TOLD.includes(name) || value === undefined) return [];
    if (BOOLEANS.has(name)) return [{ name, valueBoolean: String(value) === 'true' }];
    return [{ name, [URIS.has(name) ? 'valueUri' : 'valueString']: value }];
  });

/** Throws 400 naming the parameter that is unknown, malformed or can't be gone by. */
export const parseExpand = (call: Pick<Call, 'prefer'>, parameters: Parameters, nowMs: number): ExpandRequest => {
  const context = CONTEXT.find((name) => parameters.some((each) => each.name === name));
  if (context !== undefined)
    throw new FhirError('not-supported', `${context}: this server infers no value set from a context: name it by the parameter url`, {
      expression: `http.${context}`,
    });
  requireKnown(call, parameters, NAMES);
  requireNow(parameters, nowMs);
  const offset = countParameter(parameters, 'offset');
  const count = countParameter(parameters, 'count');
  return {
    filter: textParameter(parameters, 'filter'),
    offset: offset ?? 0,
    count,
    activeOnly: booleanParameter(parameters, 'activeOnly') === true,
    // A page of a tree would be no tree.
    nested: booleanParameter(parameters, 'excludeNested') === false && offset === undefined && count === undefined,
    forChoice: booleanParameter(parameters, 'excludeNotForUI') === true,
    isShown: shownBy(parameters),
    withDefinition: booleanParameter(parameters, 'includeDefinition') === true,
    language: textParameter(parameters, 'displayLanguage'),
    versions: {
      whereNone: versionsOf(parameters, 'system-version'),
      check: versionsOf(parameters, 'check-system-version'),
      force: versionsOf(parameters, 'force-system-version'),
      exclude: textParameters(parameters, 'exclude-system'),
    },
    told: [
      ...toldOf(parameters),
      ...(offset === undefined ? [] : [{ name: 'offset', valueInteger: offset }]),
      ...(count === undefined ? [] : [{ name: 'count', valueInteger: count }]),
    ],
  };
};
