import { plainText } from '../json/local-references.ts';

const PATIENT = /"reference"\s*:\s*"(?:([^"\\]*)\/)?(Patient\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[^"\\]*)?"/g;

/**
 * The patients that served resources are about, as `Patient/<id>`, found in their texts: a read needn't parse what it serves, unless it is
 * escaped. `baseUrl` is this server's, whose patients alone are meant.
 */
export const patientsOf = (
  resources: readonly { readonly type: string; readonly id: string; readonly body: string }[],
  baseUrl: string,
): string[] => {
  const found = new Set<string>();
  for (const { type, id, body } of resources) {
    if (type === 'Patient') found.add(`Patient/${id}`);
    for (const [, base, reference] of plainText(body).matchAll(PATIENT)) if (base === undefined || base === baseUrl) found.add(reference!);
  }
  return [...found];
};
