const PATIENT = /"reference"\s*:\s*"(?:([^"\\]*)\/)?(Patient\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[^"\\]*)?"/g;
/** What JSON may write in another way than it is read. */
const ESCAPED = /\\[/u]/;

/** A resource's text with nothing in it escaped that needn't be: so that a reference in it can be found without parsing all. */
export const plainText = (body: string): string => (ESCAPED.test(body) ? JSON.stringify(JSON.parse(body)) : body);

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
