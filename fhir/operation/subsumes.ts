import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { type CodeIndex, codeIndex } from '../terminology/code-system.ts';
import type { Operation } from './operation.ts';
import { operationParameters, textParameter } from './parameters.ts';
import { answerWith, askedCodeSystem, codingParameter, type Parameters, parametersResource, requireKnown } from './terminology-call.ts';

const NAMES = ['codeA', 'codeB', 'system', 'version', 'codingA', 'codingB', 'codeSystem', 'resource'];

const codeOf = (parameters: Parameters, letter: 'A' | 'B', index: CodeIndex): string => {
  const coding = codingParameter(parameters, `coding${letter}`);
  const code = textParameter(parameters, `code${letter}`) ?? coding?.code;
  const expression = `http.code${letter}`;
  if (code === undefined) throw new FhirError('invalid', `give the parameter code${letter} or coding${letter}`, { expression });
  const isOther = coding?.system !== undefined && coding.system !== index.system.url;
  if (isOther)
    throw new FhirError('invalid', `${code.slice(0, 100)} is not of ${index.system.url}: both codes are of one code system`, {
      expression,
    });
  const node = index.node(code);
  if (node !== undefined) return node.concept.code;
  throw new FhirError('not-found', `the code system ${index.system.url} has no code ${code.slice(0, 100)}`, { expression });
};

const outcomeOf = (a: string, b: string, index: CodeIndex): string => {
  if (a === b) return 'equivalent';
  if (index.withDescendants(a).has(b)) return 'subsumes';
  return index.withAncestors(a).has(b) ? 'subsumed-by' : 'not-subsumed';
};

const run = async (server: Server, call: Call): Promise<Reply> => {
  const parameters = await operationParameters(call);
  requireKnown(call, parameters, NAMES);
  const codings = [codingParameter(parameters, 'codingA'), codingParameter(parameters, 'codingB')];
  const index = codeIndex(await askedCodeSystem(server, call, { parameters, names: ['system'], codings }));
  const outcome = outcomeOf(codeOf(parameters, 'A', index), codeOf(parameters, 'B', index), index);
  return answerWith(server, call, parametersResource([{ name: 'outcome', valueCode: outcome }]));
};

/** How two codes of one hierarchy stand to each other. Source: http://hl7.org/fhir/R4/codesystem-operation-subsumes.html */
export const subsumes: Operation = {
  name: '$subsumes',
  definition: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes',
  levels: ['type', 'instance'],
  types: ['CodeSystem'],
  isRead: true,
  scopes: () => [{ resourceType: 'CodeSystem', letter: 'r' }],
  run,
};
