import type { ElementDefinition, Registry } from '../definitions/registry.ts';

export interface TypeKeys {
  /** Member of the JSON object → its element and the one type that its value has there. */
  readonly all: ReadonlyMap<string, { readonly element: ElementDefinition; readonly type: string }>;
  /** The members that a name stands for: an element's own, all of a choice, or one of a choice; none where it is unknown. */
  readonly of: (name: string) => readonly string[];
}

const known = new WeakMap<Registry, Map<string, TypeKeys>>();

/** The members that the JSON object of a type can have, without the `_` forms of primitives. */
export const typeKeys = (registry: Registry, type: string): TypeKeys => {
  let types = known.get(registry);
  if (types === undefined) known.set(registry, (types = new Map()));
  let keys = types.get(type);
  if (keys === undefined) types.set(type, (keys = keysOf(registry, type)));
  return keys;
};

const keysOf = (registry: Registry, type: string): TypeKeys => {
  const all = new Map<string, { element: ElementDefinition; type: string }>();
  const names = new Map<string, string[]>();
  for (const element of registry.type(type)?.elements ?? []) {
    const keys = element.isChoice
      ? element.types.map((each) => [`${element.name}${each[0]!.toUpperCase()}${each.slice(1)}`, each] as const)
      : [[element.name, element.types[0] ?? ''] as const];
    for (const [key, each] of keys) all.set(key, { element, type: each });
    names.set(
      element.name,
      keys.map(([key]) => key),
    );
  }
  return { all, of: (name) => names.get(name) ?? (all.has(name) ? [name] : []) };
};
