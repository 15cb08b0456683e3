/** Source: RFC 6902 (JSON Patch), RFC 6901 (JSON Pointer) */
import { FhirError } from '../http/outcome.ts';
import { EditableJson } from '../json/editable.ts';
import { cannot, createBudget, MAX_OPERATIONS, type Patch, type PatchLimits } from './patch.ts';

const NEEDS: Readonly<Record<string, readonly string[]>> = {
  add: ['path', 'value'],
  remove: ['path'],
  replace: ['path', 'value'],
  move: ['from', 'path'],
  copy: ['from', 'path'],
  test: ['path', 'value'],
};

/** What is copied or moved can be made to show in a refusal, by putting it where it isn't valid. */
const READS: Readonly<Record<string, string>> = {
  test: 'to test what is stored',
  copy: 'to copy what is stored',
  move: 'to move what is stored',
};

interface Operation {
  readonly op: string;
  /** Such as `patch[2]`. */
  readonly at: string;
  readonly path: readonly string[];
  readonly from: readonly string[];
  readonly value: EditableJson | undefined;
}

/** Throws 400 where the text, which is valid JSON, is no patch document. */
export const parseJsonPatch = (text: string, { resourceBytes, requireRead, resolveAddress }: PatchLimits): Patch => {
  const document = new EditableJson(text);
  if (!document.isArray) throw new FhirError('structure', 'a JSON Patch is an array of operations: [{"op": …, "path": …}]');
  if (document.items.length > MAX_OPERATIONS)
    throw new FhirError('too-costly', `a patch takes ${MAX_OPERATIONS} operations at most: send the resource by PUT`);
  const parsed = document.items.map(parseOperation);
  const operations = resolveAddress === undefined ? parsed : parsed.map((each) => resolved(each, resolveAddress));
  for (const { op, at } of operations) if (Object.hasOwn(READS, op)) requireRead(at, READS[op]!);
  return (target) => {
    const spend = createBudget(2 * resourceBytes);
    const emptied: EditableJson[][] = [];
    for (const operation of operations) apply(target, operation, { spend, emptied });
    emptied.forEach(prune);
  };
};

const parseOperation = (item: EditableJson, index: number): Operation => {
  const at = `patch[${index}]`;
  const malformed = (why: string): FhirError => new FhirError('structure', `${at}: ${why}`, { expression: at });
  if (!item.isObject) throw malformed('an operation is an object: {"op": …, "path": …}');
  const op = item.members.get('op')?.value;
  const needs = typeof op === 'string' && Object.hasOwn(NEEDS, op) ? NEEDS[op]! : undefined;
  if (typeof op !== 'string' || needs === undefined) throw malformed(`op is one of ${Object.keys(NEEDS).join(', ')}`);
  const pointer = (name: string): string[] => {
    if (!needs.includes(name)) return [];
    const written = item.members.get(name)?.value;
    if (typeof written !== 'string' || !/^(?:\/(?:[^~]|~[01])*)?$/s.test(written) || written.length > 1000)
      throw malformed(`${op} needs ${name}: a JSON Pointer such as /name/0/family`);
    return written
      .split('/')
      .slice(1)
      .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  };
  const value = item.members.get('value');
  if (needs.includes('value') && value === undefined) throw malformed(`${op} needs a value`);
  return { op, at, path: pointer('path'), from: pointer('from'), value };
};

const BRINGS = new Set(['add', 'replace']);

/** The operation with the addresses that its value stands for, if that is a string or has strings as its items. */
const resolved = (operation: Operation, resolve: NonNullable<PatchLimits['resolveAddress']>): Operation => {
  const { op, path, value } = operation;
  const element = path.findLast((token) => token !== '-' && !isIndex(token));
  if (value === undefined || element === undefined || !BRINGS.has(op)) return operation;
  return { ...operation, value: resolvedValue(value, (address) => resolve(element, address)) };
};

const resolvedValue = (value: EditableJson, resolve: (address: string) => string | undefined): EditableJson => {
  if (value.isObject) return value;
  if (value.isArray) {
    for (const [i, item] of [...value.items].entries()) value.insert(i, resolvedValue(item, resolve), 1);
    return value;
  }
  const address = value.value;
  const target = typeof address === 'string' ? resolve(address) : undefined;
  return target === undefined ? value : new EditableJson(JSON.stringify(target));
};

const written = (path: readonly string[]): string =>
  path.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('') || 'the whole resource';

interface Work {
  /** Throws 413 where all that was spent is too much. */
  readonly spend: (text: string) => string;
  /** What removals took the last part from, each behind all that holds it. */
  readonly emptied: EditableJson[][];
}

const apply = (target: EditableJson, { op, at, path, from, value }: Operation, { spend, emptied }: Work): void => {
  switch (op) {
    case 'add':
      return add(target, path, new EditableJson(spend(value!.text)), at);
    case 'remove':
      return remove(target, path, { at, emptied });
    case 'replace':
      return replace(target, path, new EditableJson(spend(value!.text)), at);
    case 'copy':
      return add(target, path, new EditableJson(spend(find(target, from, at).text)), at);
    case 'move': {
      if (path.length > from.length && from.every((token, i) => token === path[i]))
        throw cannot(at, `${written(from)} can't move into itself`);
      const moved = new EditableJson(spend(find(target, from, at).text));
      if (path.length === from.length && from.every((token, i) => token === path[i])) return;
      remove(target, from, { at, emptied });
      return add(target, path, moved, at);
    }
    case 'test': {
      const found = find(target, path, at);
      if (spend(found.text) !== spend(value!.text) && !isSame(found.value, value!.value))
        throw cannot(at, `the test of ${written(path)} failed: the resource has another value there`);
    }
  }
};

const isSame = (a: unknown, b: unknown): boolean => {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  );
};

/** The value that a pointer leads to, behind all that holds it. */
const nodesTo = (target: EditableJson, path: readonly string[], at: string): EditableJson[] => {
  const nodes = [target];
  let node = target;
  for (const [depth, token] of path.entries()) {
    const next = node.isObject ? node.members.get(token) : node.isArray && isIndex(token) ? node.items[Number(token)] : undefined;
    if (next === undefined) throw cannot(at, `there is nothing at ${written(path.slice(0, depth + 1))}`);
    nodes.push((node = next));
  }
  return nodes;
};

const find = (target: EditableJson, path: readonly string[], at: string): EditableJson => nodesTo(target, path, at).at(-1)!;

const isIndex = (token: string): boolean => /^(?:0|[1-9]\d{0,8})$/.test(token);

/** The object or array that the last token of a pointer is about. */
const parentOf = (target: EditableJson, path: readonly string[], at: string): { parent: EditableJson; last: string } => {
  if (path.length === 0) throw cannot(at, 'the whole resource can only be tested or copied: send it by PUT, or DELETE it');
  const parent = find(target, path.slice(0, -1), at);
  if (!parent.isObject && !parent.isArray) throw cannot(at, `${written(path.slice(0, -1))} is neither object nor array`);
  return { parent, last: path.at(-1)! };
};

const add = (target: EditableJson, path: readonly string[], value: EditableJson, at: string): void => {
  const { parent, last } = parentOf(target, path, at);
  if (parent.isObject) return parent.put(last, value);
  const index = last === '-' ? parent.items.length : isIndex(last) ? Number(last) : Number.NaN;
  if (!(index <= parent.items.length))
    throw cannot(at, `${written(path)} is no place in an array of ${parent.items.length}: use an index up to that, or -`);
  parent.insert(index, value);
};

const isEmpty = (node: EditableJson): boolean => (node.isObject ? node.members.size === 0 : node.isArray && node.items.length === 0);

const remove = (target: EditableJson, path: readonly string[], { at, emptied }: Pick<Work, 'emptied'> & { readonly at: string }): void => {
  const nodes = nodesTo(target, path, at).slice(0, -1);
  const { parent, last } = parentOf(target, path, at);
  if (parent.isObject) parent.drop(last);
  else parent.removeAt(Number(last));
  if (isEmpty(parent)) emptied.push(nodes);
};

/** Takes out what is still empty at the end, and what is empty without it: FHIR has neither empty arrays nor empty objects. */
const prune = (nodes: readonly EditableJson[]): void => {
  for (let depth = nodes.length - 1; depth > 0 && isEmpty(nodes[depth]!); depth--) {
    const [holder, node] = [nodes[depth - 1]!, nodes[depth]!];
    if (holder.isArray) {
      const index = holder.items.indexOf(node);
      if (index !== -1) holder.removeAt(index);
    } else for (const [key, each] of holder.members) if (each === node) holder.drop(key);
  }
};

const replace = (target: EditableJson, path: readonly string[], value: EditableJson, at: string): void => {
  find(target, path, at);
  const { parent, last } = parentOf(target, path, at);
  if (parent.isObject) parent.put(last, value);
  else parent.insert(Number(last), value, 1);
};
