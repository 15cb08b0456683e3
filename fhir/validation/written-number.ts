/** How the numbers of a resource are written, which their values don't tell. */
import { numbersAsText } from '../json/number-text.ts';

/** The number at a path below the resource as it is written; undefined where it is written as its value is. */
export type WrittenNumbers = (path: readonly (string | number)[]) => string | undefined;

/** A fraction of zeros, or an exponent: what a whole number can be written with in JSON and not in FHIR. Texts may hold it too. */
const MAYBE = /[\s:,[]-?\d+(?:\.0+(?!\d)|(?:\.\d+)?[eE])/;

/** Of a resource's valid JSON text, which is looked at when the first whole number is asked for, and read again where it may hold an odd one. */
export const writtenNumbers = (text: string): WrittenNumbers => {
  let read: { readonly root: unknown } | undefined;
  return (path) => {
    read ??= { root: MAYBE.test(text) ? JSON.parse(numbersAsText(text)) : undefined };
    let value = read.root;
    for (const step of path) value = (value as Readonly<Record<string | number, unknown>> | undefined)?.[step];
    return typeof value === 'string' ? value : undefined;
  };
};
