import type { Server } from '../server.ts';
import type { LocalReference } from '../store/integrity.ts';

const LOCAL = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[^/]+)?$/;

/** The references of a resource to others of this server, each once; a Bundle's entries refer within it and are left out. */
export const localReferences = (
  { registry, baseUrl }: Pick<Server, 'registry' | 'baseUrl'>,
  type: string,
  resource: Readonly<Record<string, unknown>>,
): readonly LocalReference[] => {
  if (type === 'Bundle') return [];
  const found = new Map<string, LocalReference>();
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(item, `${path}[${i}]`);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        if (key === 'reference' && typeof member === 'string') add(member, path);
        else if (typeof member === 'object') walk(member, `${path}.${key}`);
      }
    }
  };
  const add = (reference: string, element: string): void => {
    const relative = reference.startsWith(`${baseUrl}/`) ? reference.slice(baseUrl.length + 1) : reference;
    const [, target = '', id = ''] = LOCAL.exec(relative) ?? [];
    if (!registry.isResourceType(target) || found.has(`${target}/${id}`)) return;
    found.set(`${target}/${id}`, { element, type: target, typeId: registry.typeId(target), id });
  };
  walk(resource, type);
  return [...found.values()];
};
