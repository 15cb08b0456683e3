/** What $validate says of a QuestionnaireResponse by its Questionnaire, wherever that is. Source: http://hl7.org/fhir/R4/questionnaireresponse.html */
import type { Call } from '../http/call.ts';
import { missingScope } from '../../proto/access/scope.ts';
import type { Issue } from '../http/outcome.ts';
import { isObject, type Json } from '../json/value.ts';
import type { Server } from '../server.ts';
import { membership } from '../terminology/membership.ts';
import type { TerminologySource, ValueSet } from '../terminology/resources.ts';
import { storedByCanonical } from '../terminology/stored.ts';
import { requireAffordable } from '../validation/effort.ts';
import { Findings } from '../validation/findings.ts';
import { checkResponse } from '../validation/questionnaire-response.ts';
import { accessOf } from './terminology-call.ts';

const containedIn = ({ contained }: Json, reference: string): Json | undefined =>
  Array.isArray(contained) ? contained.filter(isObject).find(({ id }) => reference === `#${String(id)}`) : undefined;

const valueSetsOf = (items: unknown, found: Set<string>): Set<string> => {
  for (const item of Array.isArray(items) ? items.filter(isObject) : []) {
    if (typeof item['answerValueSet'] === 'string') found.add(item['answerValueSet']);
    valueSetsOf(item['item'], found);
  }
  return found;
};

/** The issues of a response of valid structure; one where its Questionnaire can't be looked at. Throws 413 where that takes too long. */
export const answerIssues = async (server: Server, call: Call, response: Json): Promise<readonly Issue[]> => {
  const findings = new Findings('QuestionnaireResponse');
  const canonical = response['questionnaire'];
  if (typeof canonical !== 'string') return [];
  const unseen = (why: string): readonly Issue[] => {
    findings.report('warning', 'not-found', `its answers were not checked: ${canonical.slice(0, 200)} ${why}`, 'questionnaire');
    return findings.issues;
  };
  const isContained = canonical.startsWith('#');
  if (!isContained && missingScope(call.identity.scopes, 'Questionnaire', 'r') !== undefined)
    return unseen('may not be read by your client');
  const questionnaire = isContained
    ? containedIn(response, canonical)
    : await storedByCanonical<Json>(server, 'Questionnaire')(server.db, canonical);
  if (questionnaire === undefined || questionnaire['resourceType'] !== 'Questionnaire')
    return unseen(isContained ? 'is no contained Questionnaire' : 'is no Questionnaire that is stored here');
  requireAffordable(questionnaire);
  const own = new Map<string, ValueSet>();
  const named: string[] = [];
  for (const url of valueSetsOf(questionnaire['item'], new Set())) {
    const inside = url.startsWith('#') ? (containedIn(questionnaire, url) ?? containedIn(response, url)) : undefined;
    if (inside === undefined) named.push(url);
    else own.set(url, inside as unknown as ValueSet);
  }
  const reachable = named.filter((url) => !url.startsWith('#'));
  const mayReach = ['ValueSet', 'CodeSystem'].every((type) => missingScope(call.identity.scopes, type, 'r') === undefined);
  const source: TerminologySource = mayReach
    ? await server.terminology.reach(accessOf(server, call), { valueSets: [...reachable, ...own.values()] })
    : server.terminology.loaded;
  const memberOf = ({ system, code }: Json, url: string): boolean | undefined => {
    const valueSet = own.get(url) ?? source.valueSet(url);
    if (valueSet === undefined) return undefined;
    const found = membership(valueSet, { system: typeof system === 'string' ? system : '', code: String(code) }, source);
    return found.is === 'unknown' ? undefined : found.is === 'in';
  };
  checkResponse(response, questionnaire, findings, { memberOf });
  return findings.issues;
};
