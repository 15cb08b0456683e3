/** What $translate is asked with. */
import type { Call } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import type { Dependency, SourceCode } from '../terminology/concept-map.ts';
import { type OperationParameter, textParameter } from './parameters.ts';
import {
  booleanParameter,
  codingParameter,
  conceptParameter,
  type GivenCoding,
  type Parameters,
  requireKnown,
} from './terminology-call.ts';

const NAMES = [
  'url',
  'conceptMap',
  'conceptMapVersion',
  'code',
  'system',
  'version',
  'source',
  'coding',
  'codeableConcept',
  'target',
  'targetsystem',
  'dependency',
  'reverse',
  'resource',
];

const MAX_CODINGS = 50;
const MAX_DEPENDENCIES = 50;

export interface TranslateRequest {
  readonly codes: readonly SourceCode[];
  /** Value sets that a concept map has to be from and to, by its own words. */
  readonly source: string | undefined;
  readonly target: string | undefined;
  readonly targetSystem: string | undefined;
  readonly dependencies: readonly Dependency[];
  readonly reverse: boolean;
}

const sourceCode = ({ system, version, code }: GivenCoding, name: string): SourceCode => {
  if (system === undefined || system === '')
    throw new FhirError('invalid', `a code is translated with its system: give ${name}`, { expression: `http.${name}` });
  return { system, version, code };
};

const codesOf = (parameters: Parameters): readonly SourceCode[] => {
  const code = textParameter(parameters, 'code');
  const coding = codingParameter(parameters, 'coding');
  const concept = conceptParameter(parameters, 'codeableConcept');
  if ([code, coding, concept].filter((each) => each !== undefined).length !== 1) {
    throw new FhirError('invalid', 'give one of code with system, coding and codeableConcept', { expression: 'http.code' });
  }
  if (code !== undefined) {
    const [system, version] = [textParameter(parameters, 'system'), textParameter(parameters, 'version')];
    return [sourceCode({ system, version, code, display: undefined }, 'system')];
  }
  const stray = ['system', 'version'].find((name) => parameters.some((each) => each.name === name));
  if (stray !== undefined) throw new FhirError('invalid', `${stray} goes with code: leave it out here`, { expression: `http.${stray}` });
  if (coding !== undefined) return [sourceCode(coding, 'coding.system')];
  if (concept!.length > MAX_CODINGS)
    throw new FhirError('too-costly', `a CodeableConcept with ${concept!.length} codings: ${MAX_CODINGS} are the most`);
  return concept!.map((each) => sourceCode(each, 'codeableConcept.coding.system'));
};

const dependencyOf = ({ parts }: OperationParameter): Dependency => {
  const element = textParameter(parts, 'element');
  const { coding, text } = (parts.find(({ name }) => name === 'concept')?.value ?? {}) as { coding?: unknown; text?: unknown };
  const codings = Array.isArray(coding) ? (coding as Dependency['codings']) : [];
  if (element === undefined || (codings.length === 0 && typeof text !== 'string'))
    throw new FhirError('invalid', 'a dependency has the parts element, a uri, and concept, a CodeableConcept', {
      expression: 'http.dependency',
    });
  return { element, codings: codings.slice(0, MAX_CODINGS), text: typeof text === 'string' ? text : undefined };
};

/** Throws 400 naming the parameter that is unknown, missing or malformed. */
export const parseTranslate = (call: Pick<Call, 'prefer'>, parameters: Parameters): TranslateRequest => {
  requireKnown(call, parameters, NAMES);
  const dependencies = parameters.filter(({ name }) => name === 'dependency');
  if (dependencies.length > MAX_DEPENDENCIES)
    throw new FhirError('too-costly', `${dependencies.length} dependencies: ${MAX_DEPENDENCIES} are the most`);
  return {
    codes: codesOf(parameters),
    source: textParameter(parameters, 'source'),
    target: textParameter(parameters, 'target'),
    targetSystem: textParameter(parameters, 'targetsystem'),
    dependencies: dependencies.map(dependencyOf),
    reverse: booleanParameter(parameters, 'reverse') === true,
  };
};
