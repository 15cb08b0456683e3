const PATIENT = /"reference"\s*:\s*"(Patient\/[A-Za-z0-9\-.]{1,64})"/g;
const MAX_PATIENTS = 100;

/** The patients that served resources are about, as `Patient/<id>`, found in their texts: a read needn't parse what it serves. */
export const patientsOf = (resources: readonly { readonly type: string; readonly id: string; readonly body: string }[]): string[] => {
  const found = new Set<string>();
  for (const { type, id, body } of resources) {
    if (type === 'Patient') found.add(`Patient/${id}`);
    for (const [, reference] of body.matchAll(PATIENT)) found.add(reference!);
    if (found.size >= MAX_PATIENTS) break;
  }
  return [...found].slice(0, MAX_PATIENTS);
};
