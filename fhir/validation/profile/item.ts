import { isObject, type Json } from '../../json/value.ts';
import { type Findings } from '../findings.ts';
import type { Scope } from '../invariants.ts';

/** One value of an element: `sibling` is what extends a primitive, `key` the member that it stands under (`valueQuantity`). */
export interface Item {
  readonly value: unknown;
  readonly sibling: unknown;
  readonly key: string;
  /** In an array. */
  readonly index: number | undefined;
}

export type ItemCheck = (item: Item, findings: Findings, scope: Scope) => void;
export type ParentCheck = (parent: Json, findings: Findings, scope: Scope) => void;

const present = (value: unknown): boolean => value !== undefined && value !== null;

const collect = (parent: Json, key: string, items: Item[]): void => {
  const value = parent[key];
  const sibling = parent[`_${key}`];
  if (Array.isArray(value) || Array.isArray(sibling)) {
    const values: readonly unknown[] = Array.isArray(value) ? value : [];
    const siblings: readonly unknown[] = Array.isArray(sibling) ? sibling : [];
    for (let index = 0; index < Math.max(values.length, siblings.length); index++) {
      if (present(values[index]) || present(siblings[index])) items.push({ value: values[index], sibling: siblings[index], key, index });
    }
  } else if (present(value) || present(sibling)) items.push({ value, sibling, key, index: undefined });
};

const isKeyOf = (key: string, name: string): boolean => {
  if (!key.startsWith(name)) return false;
  const next = key.charCodeAt(name.length);
  return next >= 65 && next <= 90;
};

/** The values of an element; of a choice those of whatever type. */
export const itemsOf = (parent: Json, name: string, isChoice: boolean): readonly Item[] => {
  const items: Item[] = [];
  if (!isChoice) collect(parent, name, items);
  else {
    for (const key of Object.keys(parent)) {
      if (isKeyOf(key, name)) collect(parent, key, items);
      else if (key.charCodeAt(0) === 95 && isKeyOf(key.slice(1), name) && parent[key.slice(1)] === undefined)
        collect(parent, key.slice(1), items);
    }
  }
  return items;
};

/** The type that a choice's value has, as its member says: `Quantity` of `valueQuantity`. */
export const chosenType = ({ key }: Item, name: string): string => key.slice(name.length);
export const capitalized = (code: string): string => code.charAt(0).toUpperCase() + code.slice(1);

/** Does the work with the path of the item. */
export const at = ({ key, index }: Item, findings: Findings, work: () => void): void => {
  findings.path.push(key);
  if (index !== undefined) findings.path.push(index);
  work();
  findings.path.length -= index === undefined ? 1 : 2;
};

/** What an item is looked into by: a primitive by what extends it. */
export const insideOf = ({ value, sibling }: Item): Json | undefined => (isObject(value) ? value : isObject(sibling) ? sibling : undefined);
