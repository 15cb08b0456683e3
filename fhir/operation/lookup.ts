import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { codeIndex, type Node } from '../terminology/code-system.ts';
import { displayIn, isOfLanguage } from '../terminology/display.ts';
import type { CodeSystem, Designation } from '../terminology/resources.ts';
import { requireNow } from './definition-date.ts';
import type { Operation } from './operation.ts';
import { operationParameters, textParameter } from './parameters.ts';
import { answerWith, askedCodeSystem, codingParameter, parametersResource, requireKnown, textParameters } from './terminology-call.ts';

const NAMES = ['code', 'system', 'version', 'coding', 'date', 'displayLanguage', 'property', 'codeSystem', 'resource'];

const part = (name: string, value: object): object => ({ name, ...value });
const property = (code: string, value: object): object =>
  part('property', { part: [part('code', { valueCode: code }), part('value', value)] });

const describe = (
  { name, title, version, url }: CodeSystem,
  { concept, parents, children, isInactive }: Node,
  { wanted, language }: { readonly wanted: ReadonlySet<string>; readonly language: string | undefined },
): object[] => {
  const isWanted = (code: string): boolean => wanted.size === 0 || wanted.has('*') || wanted.has(code);
  const isShown = ({ language: tag }: Designation): boolean =>
    isWanted('designation') ||
    (tag !== undefined && [...wanted].some((code) => code.startsWith('lang.') && isOfLanguage(tag, code.slice(5))));
  return [
    part('name', { valueString: title ?? name ?? url ?? 'a code system without a name' }),
    ...(version === undefined ? [] : [part('version', { valueString: version })]),
    part('display', { valueString: displayIn(concept.display, concept.designation ?? [], language) ?? concept.code }),
    // R4 has no parameter for it, and many clients look for this property.
    ...(concept.definition === undefined || !isWanted('definition') ? [] : [property('definition', { valueString: concept.definition })]),
    ...(concept.designation ?? []).filter(isShown).map(({ language, use, value }) =>
      part('designation', {
        part: [
          ...(language === undefined ? [] : [part('language', { valueCode: language })]),
          ...(use === undefined ? [] : [part('use', { valueCoding: use })]),
          part('value', { valueString: value }),
        ],
      }),
    ),
    ...(isWanted('inactive') ? [property('inactive', { valueBoolean: isInactive })] : []),
    ...(isWanted('parent') ? parents.map((code) => property('parent', { valueCode: code })) : []),
    ...(isWanted('child') ? children.map((code) => property('child', { valueCode: code })) : []),
    ...(concept.property ?? [])
      .filter(({ code }) => !['parent', 'child', 'inactive'].includes(code) && isWanted(code))
      .map(({ code, ...value }) => property(code, value)),
  ];
};

const run = async (server: Server, call: Call): Promise<Reply> => {
  const parameters = await operationParameters(call);
  requireKnown(call, parameters, NAMES);
  requireNow(parameters, Date.now());
  const coding = codingParameter(parameters, 'coding');
  const plain = textParameter(parameters, 'code');
  if (plain !== undefined && coding !== undefined)
    throw new FhirError('invalid', 'give code and system, or coding, not both', { expression: 'http.coding' });
  const code = plain ?? coding?.code;
  if (code === undefined) throw new FhirError('invalid', 'give the parameters code and system, or coding', { expression: 'http.code' });
  const system = await askedCodeSystem(server, call, { parameters, names: ['system'], codings: [coding], codes: [code] });
  const node = codeIndex(system).node(code);
  if (node === undefined) {
    throw new FhirError('not-found', `the code system ${system.url} has no code ${code.slice(0, 100)}`, { expression: 'http.code' });
  }
  const wanted = new Set(textParameters(parameters, 'property'));
  const language = textParameter(parameters, 'displayLanguage');
  return answerWith(server, call, parametersResource(describe(system, node, { wanted, language })));
};

/** What a code system says of a code. Source: http://hl7.org/fhir/R4/codesystem-operation-lookup.html */
export const lookup: Operation = {
  name: '$lookup',
  definition: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup',
  levels: ['type'],
  types: ['CodeSystem'],
  isRead: true,
  scopes: () => [{ resourceType: 'CodeSystem', letter: 'r' }],
  run,
};
