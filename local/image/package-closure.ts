/** Which folders of node_modules a set of packages needs, by package-lock.json. */
export interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** package-lock.json's `packages`: from path, such as node_modules/a/node_modules/b, to package. */
export type Lock = Readonly<Record<string, LockedPackage>>;

/** Where Node finds `name` from inside the folder `from`: in its own node_modules, then in those above. */
const locate = (lock: Lock, name: string, from: string): string | undefined => {
  for (let folder = from; ;) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (lock[path] !== undefined) return path;
    if (folder === '') return undefined;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')));
  }
};

/**
 * The paths of `names` and of everything that they depend on, sorted. Optional ones are taken when `isInstalled`.
 * Throws on what isn't locked or is there for development only.
 */
export const closeOver = (lock: Lock, names: readonly string[], isInstalled: (path: string) => boolean): string[] => {
  const found = new Set<string>();
  const visit = (name: string, from: string, isOptional: boolean): void => {
    if (name.startsWith('@types/')) return; // declarations, which some packages name among what they need to run
    const path = locate(lock, name, from);
    if (isOptional && (path === undefined || !isInstalled(path))) return;
    if (path === undefined) throw new Error(`${name}, which ${from || 'the code'} needs, is not in package-lock.json: npm install ${name}`);
    if (found.has(path)) return;
    const { dev, dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = lock[path]!;
    if (dev) throw new Error(`${name}, which ${from || 'the code'} needs, is a devDependency: make it a dependency in package.json`);
    found.add(path);
    for (const needed of Object.keys(dependencies ?? {})) visit(needed, path, false);
    for (const needed of Object.keys(optionalDependencies ?? {})) visit(needed, path, true);
    for (const needed of Object.keys(peerDependencies ?? {})) {
      if (peerDependenciesMeta?.[needed]?.optional !== true) visit(needed, path, false);
    }
  };
  for (const name of names) visit(name, '', false);
  return [...found].sort();
};
