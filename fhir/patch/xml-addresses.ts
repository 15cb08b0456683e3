/** The addresses in an XML Patch of a transaction, where another entry is called by its fullUrl or by criteria. */
import { XHTML_NAMESPACE } from '../xml/shape.ts';
import type { PatchLimits } from './patch.ts';
import { elementsIn, textIn, type XmlElement } from './xml-tree.ts';

type Resolve = NonNullable<PatchLimits['resolveAddress']>;

/** Attributes of a narrative's elements that lead somewhere. */
const LINKS: Readonly<Record<string, string>> = { a: 'href', img: 'src' };

/** Replaces in the elements, attributes and texts that a patch brings what stands for something else. */
export const resolveAddresses = (diff: XmlElement, resolve: Resolve): void => {
  for (const operation of elementsIn(diff)) {
    const element = elementOfAttribute(operation.attributes);
    if (element === undefined) for (const brought of elementsIn(operation)) resolveIn(brought, resolve);
    else {
      const target = resolve(element, textIn(operation));
      if (target !== undefined) operation.children.splice(0, Infinity, { kind: 'text', text: target });
    }
  }
};

/** The name of the element whose attribute `value` an operation sets; undefined where it sets none. */
const elementOfAttribute = (attributes: ReadonlyMap<string, string>): string | undefined => {
  const sel = attributes.get('sel') ?? '';
  const path = attributes.get('type') === '@value' ? sel : sel.endsWith('/@value') ? sel.slice(0, -'/@value'.length) : undefined;
  return path === undefined ? undefined : /([\w-]+)\s*(?:\[[^\]]*\]\s*)*$/.exec(path)?.[1];
};

const resolveIn = (element: XmlElement, resolve: Resolve): void => {
  const { local, uri, attributes } = element;
  const isNarrative = uri === XHTML_NAMESPACE;
  const attribute = isNarrative ? (Object.hasOwn(LINKS, local) ? LINKS[local] : undefined) : 'value';
  const address = attribute === undefined ? undefined : attributes.get(attribute);
  if (address !== undefined) {
    const target = resolve(isNarrative ? 'div' : local, address);
    if (target !== undefined) attributes.set(attribute!, target);
  }
  for (const child of elementsIn(element)) resolveIn(child, resolve);
};
