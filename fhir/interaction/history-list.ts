/** `_list` of a history: "resource versions that are referenced in the specified list". Source: http://hl7.org/fhir/R4/http.html#history */
import { missingScope } from '../../proto/access/scope.ts';
import type { Call } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { canonicalReference, isLocalReference, versionOf } from '../search/parameter/reference.ts';
import type { Server } from '../server.ts';
import { readHead, readRids } from '../store/head.ts';
import type { Listed } from '../store/history.ts';

const NAME = '_list';
const ID = /^(?:List\/)?([A-Za-z0-9\-.]{1,64})$/;

/**
 * What a List names: all versions of a resource, or the one that a reference says. None where there is no such List, as in a search. Throws
 * 400 where it is no id, 403 where the caller may not search Lists.
 */
export const readListed = async ({ db, registry, baseUrl }: Server, { identity }: Call, written: string): Promise<readonly Listed[]> => {
  const [, id] = ID.exec(written) ?? [];
  if (id === undefined) {
    const says = written.startsWith('$')
      ? `${NAME}=${written.slice(0, 40)}: a history is of no one patient, whose list this could be: give the id of a List`
      : `${NAME} takes the id of a List`;
    throw new FhirError('value', says, { expression: `http.${NAME}` });
  }
  const missing = missingScope(identity.scopes, 'List', 's');
  if (missing !== undefined)
    throw new FhirError('forbidden', `${NAME} leads to List resources: this needs the scope ${missing}`, { expression: `http.${NAME}` });
  const list = await readHead(db, registry.typeId('List'), id);
  if (list === undefined || list.body === null) return [];
  const { entry = [] } = JSON.parse(list.body) as { readonly entry?: readonly { readonly item?: { readonly reference?: string } }[] };
  const named = entry.flatMap(({ item }) => {
    const local = canonicalReference(item?.reference ?? '', baseUrl);
    const [type = '', itemId = ''] = local.split('/');
    if (!isLocalReference(local) || !registry.isResourceType(type)) return [];
    return [{ typeId: registry.typeId(type), id: itemId, version: versionOf(item!.reference!) }];
  });
  const rids = await readRids(db, [...new Map(named.map((each) => [`${each.typeId}/${each.id}`, each])).values()]);
  return named.flatMap(({ typeId, id: itemId, version }) => {
    const rid = rids.get(`${typeId}/${itemId}`);
    return rid === undefined ? [] : [{ rid, version }];
  });
};
