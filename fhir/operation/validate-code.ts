import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { codeIndex } from '../terminology/code-system.ts';
import { notLoaded } from '../terminology/expansion.ts';
import { displayIn } from '../terminology/display.ts';
import { withGrammars } from '../terminology/grammar.ts';
import { type Membership, membership } from '../terminology/membership.ts';
import { type Pinning, pinVersions } from '../terminology/pinned-versions.ts';
import { splitCanonical } from '../terminology/resources.ts';
import { requireNow } from './definition-date.ts';
import type { Operation } from './operation.ts';
import { operationParameters, textParameter } from './parameters.ts';
import {
  answerWith,
  askedCodeSystem,
  askedValueSet,
  booleanParameter,
  codingParameter,
  conceptParameter,
  type GivenCoding,
  type Parameters,
  parametersResource,
  requireKnown,
} from './terminology-call.ts';

const COMMON = ['url', 'code', 'display', 'coding', 'codeableConcept', 'displayLanguage', 'abstract', 'date', 'resource'];
/** That of later versions, `inferSystem`, asks for what a code without a system gets anyway. */
const OF_VALUE_SET = [...COMMON, 'valueSet', 'valueSetVersion', 'system', 'systemVersion', 'inferSystem'];
const OF_CODE_SYSTEM = [...COMMON, 'codeSystem', 'version'];

const MAX_CODINGS = 50;
/** A value set is looked up anew for each. */
const MAX_VERSIONS = 10;

/** What is to be checked, of which one has to be right. */
const codingsOf = (parameters: Parameters): readonly GivenCoding[] => {
  const code = textParameter(parameters, 'code');
  const coding = codingParameter(parameters, 'coding');
  const concept = conceptParameter(parameters, 'codeableConcept');
  if ([code, coding, concept].filter((each) => each !== undefined).length !== 1) {
    throw new FhirError('invalid', 'give one of code, coding and codeableConcept', { expression: 'http.code' });
  }
  // What belongs to a code would be left aside.
  const stray =
    code === undefined ? ['system', 'systemVersion', 'display'].find((name) => parameters.some((each) => each.name === name)) : undefined;
  if (stray !== undefined) throw new FhirError('invalid', `${stray} goes with code: leave it out here`, { expression: `http.${stray}` });
  if (concept !== undefined && concept.length > MAX_CODINGS)
    throw new FhirError('too-costly', `a CodeableConcept with ${concept.length} codings: ${MAX_CODINGS} are the most`);
  if (concept !== undefined) return concept;
  if (coding !== undefined) return [coding];
  return [
    {
      code: code!,
      system: textParameter(parameters, 'system'),
      version: textParameter(parameters, 'systemVersion'),
      display: textParameter(parameters, 'display'),
    },
  ];
};

const codesOf = (codings: readonly GivenCoding[]): string[] => codings.map(({ code }) => code);

const named = ({ system, code }: GivenCoding): string => `${system === undefined ? '' : `${system.slice(0, 200)}|`}${code.slice(0, 100)}`;

interface Checked {
  readonly coding: GivenCoding;
  readonly found: Membership;
}

/** Throws where nothing is in and something can't be told: that would be no no. */
const answer = (checked: readonly Checked[], where: string, language: string | undefined): object => {
  const good = checked.find(({ found }) => found.is === 'in');
  if (good === undefined) {
    const open = checked.find(({ found }) => found.is === 'unknown')?.found;
    if (open?.is === 'unknown') throw notLoaded(`it can't be told, since ${open.reason}`);
    return parametersResource([
      { name: 'result', valueBoolean: false },
      { name: 'message', valueString: `${checked.map(({ coding }) => named(coding)).join(', ') || 'a text alone'} is not in ${where}` },
    ]);
  }
  const { coding, found } = good;
  const display = found.is === 'in' ? displayIn(found.display, found.node?.concept.designation ?? [], language) : undefined;
  const isWrong = coding.display !== undefined && display !== undefined && !isCalled(found, coding.display);
  return parametersResource([
    { name: 'result', valueBoolean: !isWrong },
    ...(isWrong
      ? [{ name: 'message', valueString: `${named(coding)} is called "${display}", not "${coding.display?.slice(0, 200)}"` }]
      : []),
    ...(display === undefined ? [] : [{ name: 'display', valueString: display }]),
  ]);
};

const folded = (text: string): string => text.trim().toLowerCase().replaceAll(/\s+/g, ' ');
const isCalled = (found: Membership, display: string): boolean =>
  found.is === 'in' &&
  [found.display, ...(found.node?.concept.designation ?? []).map(({ value }) => value)].some(
    (each) => each !== undefined && folded(each) === folded(display),
  );

// An abstract concept is no choice unless it is asked for as one.
const unlessAbstract = (found: Membership, allowed: boolean): Membership =>
  found.is === 'in' && found.node?.isAbstract === true && !allowed ? { is: 'out' } : found;

/** By code system and version, where codings name them. */
const byVersion = (codings: readonly GivenCoding[]): Iterable<readonly GivenCoding[]> => {
  if (codings.length === 0) return [codings];
  const groups = Map.groupBy(codings, ({ system, version }) =>
    system === undefined || version === undefined ? '' : `${system}|${version}`,
  );
  if (groups.size <= MAX_VERSIONS) return groups.values();
  throw new FhirError(
    'too-costly',
    `a CodeableConcept with codings of ${groups.size} versions of code systems: ${MAX_VERSIONS} are the most`,
  );
};

/** What names no version of the code system is read by the one that the coding names. */
const pinningOf = ({ system, version }: Partial<GivenCoding> = {}): Pinning | undefined =>
  system === undefined || version === undefined
    ? undefined
    : pinVersions({ whereNone: new Map([[system, version]]), check: new Map(), force: new Map(), exclude: [] });

const ofValueSet = async (server: Server, call: Call): Promise<Reply> => {
  const parameters = await operationParameters(call);
  requireKnown(call, parameters, OF_VALUE_SET);
  const codings = codingsOf(parameters);
  requireNow(parameters, Date.now());
  const allowed = booleanParameter(parameters, 'abstract') !== false;
  const checked: Checked[] = [];
  let where = '';
  for (const group of byVersion(codings)) {
    const { resource, source } = await askedValueSet(server, call, parameters, pinningOf(group[0]));
    where = `the value set ${resource.url ?? 'that was given'}`;
    const known = withGrammars(source, codesOf(group));
    for (const coding of group) checked.push({ coding, found: unlessAbstract(membership(resource, coding, known), allowed) });
  }
  return answerWith(server, call, answer(checked, where, textParameter(parameters, 'displayLanguage')));
};

const ofCodeSystem = async (server: Server, call: Call): Promise<Reply> => {
  const parameters = await operationParameters(call);
  requireKnown(call, parameters, OF_CODE_SYSTEM);
  requireNow(parameters, Date.now());
  const codings = codingsOf(parameters);
  const allowed = booleanParameter(parameters, 'abstract') !== false;
  const system = await askedCodeSystem(server, call, {
    parameters,
    names: ['url'],
    codings: ofOneSystem(parameters, codings),
    codes: codesOf(codings),
  });
  const index = codeIndex(system);
  const checked = codings.map((coding): Checked => {
    const isOf = coding.system === undefined || coding.system === system.url;
    const node = isOf ? index.node(coding.code) : undefined;
    const found: Membership = node === undefined ? { is: 'out' } : { is: 'in', display: node.concept.display, node };
    return { coding, found: unlessAbstract(found, allowed) };
  });
  const language = textParameter(parameters, 'displayLanguage');
  return answerWith(server, call, answer(checked, `the code system ${system.url ?? 'that was given'}`, language));
};

/** The codings of the code system that is asked: only their versions count. */
const ofOneSystem = (parameters: Parameters, codings: readonly GivenCoding[]): readonly GivenCoding[] => {
  const [url] = splitCanonical(textParameter(parameters, 'url') ?? codings[0]?.system ?? '');
  return codings.filter(({ system }) => system === undefined || system === url);
};

const of = (type: 'ValueSet' | 'CodeSystem', run: Operation['run']): Operation => ({
  name: '$validate-code',
  definition: `http://hl7.org/fhir/OperationDefinition/${type}-validate-code`,
  levels: ['type', 'instance'],
  types: [type],
  isRead: true,
  scopes: () => [{ resourceType: type, letter: 'r' }],
  run,
});

/**
 * Whether a code is in a value set or code system, and called as it is said to be.
 * Source: http://hl7.org/fhir/R4/valueset-operation-validate-code.html, http://hl7.org/fhir/R4/codesystem-operation-validate-code.html
 */
export const validateCode: readonly Operation[] = [of('ValueSet', ofValueSet), of('CodeSystem', ofCodeSystem)];
