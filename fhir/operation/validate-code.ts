import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { codeIndex } from '../terminology/code-system.ts';
import { notLoaded } from '../terminology/expansion.ts';
import { type Membership, membership } from '../terminology/membership.ts';
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

const COMMON = ['url', 'code', 'display', 'coding', 'codeableConcept', 'displayLanguage', 'abstract', 'resource'];
const OF_VALUE_SET = [...COMMON, 'valueSet', 'valueSetVersion', 'system', 'systemVersion'];
const OF_CODE_SYSTEM = [...COMMON, 'codeSystem', 'version'];

/** What is to be checked, of which one has to be right. */
const codingsOf = (parameters: Parameters): GivenCoding[] => {
  const code = textParameter(parameters, 'code');
  const coding = codingParameter(parameters, 'coding');
  const concept = conceptParameter(parameters, 'codeableConcept');
  if ([code, coding, concept].filter((each) => each !== undefined).length !== 1) {
    throw new FhirError('invalid', 'give one of code, coding and codeableConcept', { expression: 'http.code' });
  }
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

const named = ({ system, code }: GivenCoding): string => `${system === undefined ? '' : `${system.slice(0, 200)}|`}${code.slice(0, 100)}`;

interface Checked {
  readonly coding: GivenCoding;
  readonly found: Membership;
}

/** Throws where nothing is in and something can't be told: that would be no no. */
const answer = (checked: readonly Checked[], where: string): object => {
  const good = checked.find(({ found }) => found.is === 'in');
  if (good === undefined) {
    const open = checked.find(({ found }) => found.is === 'unknown')?.found;
    if (open?.is === 'unknown') throw notLoaded(`it can't be told, since ${open.reason}`);
    return parametersResource([
      { name: 'result', valueBoolean: false },
      { name: 'message', valueString: `${checked.map(({ coding }) => named(coding)).join(', ')} is not in ${where}` },
    ]);
  }
  const { coding, found } = good;
  const display = found.is === 'in' ? found.display : undefined;
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

const ofValueSet = async (server: Server, call: Call): Promise<Reply> => {
  const parameters = await operationParameters(call);
  requireKnown(parameters, OF_VALUE_SET);
  const codings = codingsOf(parameters);
  const allowed = booleanParameter(parameters, 'abstract') !== false;
  const { resource, source } = await askedValueSet(server, call, parameters);
  const checked = codings.map((coding) => ({ coding, found: unlessAbstract(membership(resource, coding, source), allowed) }));
  return answerWith(server, call, answer(checked, `the value set ${resource.url ?? 'that was given'}`));
};

const ofCodeSystem = async (server: Server, call: Call): Promise<Reply> => {
  const parameters = await operationParameters(call);
  requireKnown(parameters, OF_CODE_SYSTEM);
  const codings = codingsOf(parameters);
  const system = await askedCodeSystem(server, call, { parameters, names: ['url'], system: codings[0]?.system });
  const index = codeIndex(system);
  const checked = codings.map((coding): Checked => {
    const node = coding.system === undefined || coding.system === system.url ? index.node(coding.code) : undefined;
    return { coding, found: node === undefined ? { is: 'out' } : { is: 'in', display: node.concept.display, node } };
  });
  return answerWith(server, call, answer(checked, `the code system ${system.url ?? 'that was given'}`));
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
