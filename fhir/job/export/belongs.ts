import { plainText } from '../../json/local-references.ts';
import { canonicalReference } from '../../search/parameter/reference.ts';
import type { Server } from '../../server.ts';
import { codesOfPatients } from './of-patients.ts';

export type Belongs = (resource: { readonly id: string; readonly body: string }) => boolean;

/**
 * Whether resources of a type belong to some patients (undefined: of any). Most are found out by their text;
 * only one that names such a patient is parsed, to see whether it does so where that counts.
 */
export const createBelongs = (
  { registry, planOf, baseUrl }: Pick<Server, 'registry' | 'planOf' | 'baseUrl'>,
  type: string,
  patients: ReadonlySet<string> | undefined,
): Belongs => {
  const isOne = (id: string): boolean => patients === undefined || patients.has(id);
  const paths = codesOfPatients(registry, type).flatMap((code) => planOf(type).parameters.get(code)?.paths ?? []);
  return ({ id, body }) => {
    if (type === 'Patient' && isOne(id)) return true;
    let named = false;
    for (const [, found] of plainText(body).matchAll(/Patient\/([A-Za-z0-9\-.]{1,64})/g)) {
      if (isOne(found!)) {
        named = true;
        break;
      }
    }
    if (!named) return false;
    const resource: unknown = JSON.parse(body);
    let belongs = false;
    for (const { select } of paths) {
      select(resource, (value) => {
        const reference = (value as { reference?: unknown }).reference;
        if (typeof reference !== 'string') return;
        const [target, patient, rest] = canonicalReference(reference, baseUrl).split('/');
        belongs ||= target === 'Patient' && patient !== undefined && rest === undefined && isOne(patient);
      });
      if (belongs) return true;
    }
    return false;
  };
};
