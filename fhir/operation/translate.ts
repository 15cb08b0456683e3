import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import {
  type Attribute,
  type ConceptMap,
  isTranslation,
  type Match,
  type SourceCode,
  translateBy,
  type TranslateQuestion,
} from '../terminology/concept-map.ts';
import { notLoaded } from '../terminology/expansion.ts';
import { splitCanonical } from '../terminology/resources.ts';
import type { Operation } from './operation.ts';
import { operationParameters, textParameter } from './parameters.ts';
import { answerWith, type Parameters, parametersResource, sentResource, stored, versioned } from './terminology-call.ts';
import { parseTranslate, type TranslateRequest } from './translate-request.ts';

/** How far maps are followed that name another one for what they don't have. */
const MAX_DEPTH = 5;
const MAX_MATCHES = 1000;

/** Where a match comes from. */
interface Found {
  readonly match: Match;
  readonly map: ConceptMap;
}

/** The map that is named by instance, resource or url; undefined where none is. */
const askedMap = async (server: Server, call: Call, parameters: Parameters): Promise<ConceptMap | undefined> => {
  const url = textParameter(parameters, 'url');
  const sent = sentResource(server, parameters, 'conceptMap', 'ConceptMap') as ConceptMap | undefined;
  if (call.target.id !== undefined) {
    const map = (await stored(server, call.target)) as unknown as ConceptMap;
    if (sent !== undefined || (url !== undefined && url !== map.url))
      throw new FhirError('invalid', `ConceptMap/${call.target.id} is asked already: leave url and conceptMap out`, {
        expression: 'http.url',
      });
    return map;
  }
  if (sent !== undefined || url === undefined) return sent;
  const canonical = versioned(url, textParameter(parameters, 'conceptMapVersion'));
  const found = await server.conceptMaps.find(server.db, canonical);
  if (found === undefined) throw notLoaded(`the concept map ${canonical.slice(0, 200)} is not loaded`);
  return found;
};

const isSame = (own: string | undefined, asked: string | undefined): boolean =>
  asked === undefined || (own !== undefined && (own === asked || splitCanonical(own)[0] === asked));

/** Whether a map is between the value sets that are asked for. */
const isBetween = (map: ConceptMap, { source, target, reverse }: TranslateRequest): boolean => {
  const [from, to] = [map.sourceCanonical ?? map.sourceUri, map.targetCanonical ?? map.targetUri];
  return isSame(reverse ? to : from, source) && isSame(reverse ? from : to, target);
};

const translateAlong = async (server: Server, map: ConceptMap, question: TranslateQuestion): Promise<Found[]> => {
  const found: Found[] = [];
  const seen = new Set<string>();
  let level: readonly ConceptMap[] = [map];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new FhirError('too-costly', `the concept map leads through more than ${MAX_DEPTH} others`);
    const next = new Set<string>();
    for (const each of level) {
      const { matches, otherMaps } = translateBy(each, question);
      found.push(...matches.map((match) => ({ match, map: each })));
      for (const other of otherMaps) if (!seen.has(other)) next.add(other);
    }
    level = await Promise.all(
      [...next].map(async (url) => {
        seen.add(url);
        const other = await server.conceptMaps.find(server.db, url);
        if (other === undefined) throw notLoaded(`the concept map ${url.slice(0, 200)}, which another one refers to, is not loaded`);
        return other;
      }),
    );
  }
  return found;
};

const mapsFor = async (server: Server, asked: TranslateRequest, { system }: SourceCode): Promise<readonly ConceptMap[]> =>
  (await server.conceptMaps.of(server.db, system, asked.reverse ? 'target' : 'source')).filter((map) => isBetween(map, asked));

const attributePart = (name: string, { property, system, value, display }: Attribute): object => ({
  name,
  part: [
    { name: 'element', valueUri: property },
    { name: 'concept', valueCoding: { ...(system !== undefined && { system }), code: value, ...(display !== undefined && { display }) } },
  ],
});

const matchPart = ({ match: { equivalence, concept, dependsOn, product }, map: { url } }: Found): object => ({
  name: 'match',
  part: [
    { name: 'equivalence', valueCode: equivalence },
    ...(concept === undefined
      ? []
      : [{ name: 'concept', valueCoding: Object.fromEntries(Object.entries(concept).filter(([, value]) => value !== undefined)) }]),
    ...product.map((each) => attributePart('product', each)),
    ...dependsOn.map((each) => attributePart('dependsOn', each)),
    ...(url === undefined ? [] : [{ name: 'source', valueUri: url }]),
  ],
});

const answer = (found: readonly Found[], codes: readonly SourceCode[]): object => {
  const result = found.some(({ match }) => isTranslation(match));
  const asked = codes.map(({ system, code }) => `${system.slice(0, 200)}|${code.slice(0, 100)}`).join(', ') || 'a text alone';
  const isOpen = found.some(({ match }) => !match.isCertain);
  const message = isOpen
    ? `${asked} is translated where what dependsOn names is so: give it by the parameter dependency`
    : `no concept map that was looked at translates ${asked}`;
  return parametersResource([
    { name: 'result', valueBoolean: result },
    ...(result ? [] : [{ name: 'message', valueString: message }]),
    ...found.map(matchPart),
  ]);
};

const run = async (server: Server, call: Call): Promise<Reply> => {
  const parameters = await operationParameters(call);
  const asked = parseTranslate(call, parameters);
  const map = await askedMap(server, call, parameters);
  if (map !== undefined && !isBetween(map, asked)) return answerWith(server, call, answer([], asked.codes));
  const found: Found[] = [];
  const bySystem = new Map<string, readonly ConceptMap[]>();
  for (const code of asked.codes) {
    const { targetSystem, dependencies, reverse } = asked;
    const maps = map === undefined ? (bySystem.get(code.system) ?? (await mapsFor(server, asked, code))) : [map];
    bySystem.set(code.system, maps);
    for (const each of maps) found.push(...(await translateAlong(server, each, { code, targetSystem, dependencies, reverse })));
    if (found.length > MAX_MATCHES)
      throw new FhirError('too-costly', `more than ${MAX_MATCHES} matches: name a concept map by url, or a targetsystem`);
  }
  return answerWith(server, call, answer(found, asked.codes));
};

/**
 * A code of one system as codes of others. A match that depends on what the client hasn't told comes with `dependsOn` and doesn't make the
 * result true. Source: http://hl7.org/fhir/R4/conceptmap-operation-translate.html
 */
export const translate: Operation = {
  name: '$translate',
  definition: 'http://hl7.org/fhir/OperationDefinition/ConceptMap-translate',
  levels: ['type', 'instance'],
  types: ['ConceptMap'],
  isRead: true,
  scopes: () => [{ resourceType: 'ConceptMap', letter: 'r' }],
  run,
};
