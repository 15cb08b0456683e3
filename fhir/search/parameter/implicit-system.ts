/** The code systems of elements that hold a code alone. Source: http://hl7.org/fhir/R4/search.html#token */
import type { CompiledPath } from '../../definitions/path.ts';
import type { ElementDefinition, Registry } from '../../definitions/registry.ts';

/** "The implicit system for boolean values" */
export const BOOLEANS = 'http://terminology.hl7.org/CodeSystem/special-values';

/** Names with points between them, as in Patient.contact.gender. */
const PLAIN = /^(?:\{\d+\})?([A-Z]\w*(?:\.\w+)+)$/;

/** The systems that the codes at all of the paths are of; undefined where the definitions leave that open. */
export const implicitSystems = (paths: readonly CompiledPath[], registry: Registry): ReadonlySet<string> | undefined => {
  const systems = new Set<string>();
  for (const { key } of paths) {
    const [, path] = PLAIN.exec(key) ?? [];
    const element = path === undefined ? undefined : elementAt(path, registry);
    if (element?.types[0] === 'boolean' && element.types.length === 1) {
      systems.add(BOOLEANS);
      continue;
    }
    const codes = element?.types[0] === 'code' && element.binding !== undefined ? registry.valueSet(element.binding) : undefined;
    if (codes === undefined || codes.size === 0) return undefined;
    for (const system of codes.keys()) systems.add(system);
  }
  return systems.size === 0 ? undefined : systems;
};

const elementAt = (path: string, registry: Registry): ElementDefinition | undefined => {
  const [root, ...names] = path.split('.');
  let type: string | undefined = root;
  let element: ElementDefinition | undefined;
  for (const name of names) {
    element = type === undefined ? undefined : registry.type(type)?.element.get(name);
    type = element?.types.length === 1 ? element.types[0] : undefined;
  }
  return element;
};
