/** Source: RFC 5261, http://hl7.org/fhir/R4/http.html#patch */
import { FhirError } from '../http/outcome.ts';
import { EditableJson } from '../json/editable.ts';
import { fromXml } from '../xml/from-xml.ts';
import { placeOf, XmlSyntaxError } from '../xml/parser.ts';
import { toXml } from '../xml/to-xml.ts';
import { cannot, MAX_OPERATIONS, type Patch, type PatchLimits } from './patch.ts';
import { comparesValues, type Found, parseSelector, select, type Selector } from './xml-selector.ts';
import { resolveAddresses } from './xml-addresses.ts';
import { elementsIn, parseTree, textIn, treeText, type XmlElement } from './xml-tree.ts';

const KINDS = ['add', 'replace', 'remove'] as const;
const PLACES = ['append', 'prepend', 'before', 'after'] as const;
/** Characters of a resource and of a patch: they are brought to XML and back at once, while others wait. */
const MAX_TEXT = 1 << 20;
const MAX_VISITED = 500_000;

interface Operation {
  readonly kind: (typeof KINDS)[number];
  /** Such as `diff[2]`. */
  readonly at: string;
  readonly selector: Selector;
  readonly place: (typeof PLACES)[number];
  /** Of an add: the attribute that it is about. */
  readonly attribute: string | undefined;
  readonly content: XmlElement;
}

/** Throws 400 where the text is no patch document. */
export const parseXmlPatch = (text: string, { registry, requireRead, resolveAddress }: PatchLimits): Patch => {
  if (text.length > MAX_TEXT)
    throw new FhirError('too-costly', `an XML Patch has ${MAX_TEXT} characters at most: send the resource by PUT`);
  const root = parsed(text);
  if (resolveAddress !== undefined) resolveAddresses(root, resolveAddress);
  const operations = elementsIn(root).map(parseOperation);
  for (const { at, selector } of operations) if (comparesValues(selector)) requireRead(at, 'to choose by what is stored');
  if (operations.length > MAX_OPERATIONS)
    throw new FhirError('too-costly', `a patch takes ${MAX_OPERATIONS} operations at most: send the resource by PUT`);
  return (document) => {
    if (document.text.length > MAX_TEXT)
      throw new FhirError('too-costly', 'the resource is too large for an XML Patch: send a JSON Patch, or the resource by PUT');
    const tree = parseTree(toXml(document.text, registry));
    const before = membersOf(tree, registry);
    let visited = 0;
    const visit = (count: number): void => {
      visited += count + 1;
      if (visited > MAX_VISITED) throw new FhirError('too-costly', 'the patch looks at too many elements: send the resource by PUT');
    };
    for (const operation of operations) apply(tree, operation, visit);
    const after = membersOf(tree, registry);
    // What the patch leaves alone stays what it was, to the byte.
    for (const key of before.keys()) if (!after.has(key)) document.drop(key);
    for (const [key, value] of after) if (before.get(key) !== value) document.put(key, new EditableJson(value));
  };
};

const parsed = (text: string): XmlElement => {
  let root: XmlElement;
  try {
    root = parseTree(text);
  } catch (error) {
    if (!(error instanceof XmlSyntaxError)) throw error;
    throw new FhirError('structure', `the patch is not valid XML: ${error.message}, at ${placeOf(text, error.position)}`, { cause: error });
  }
  if (root.local !== 'diff') throw new FhirError('structure', `an XML Patch is a <diff> with ${KINDS.join(', ')} in it`);
  return root;
};

const parseOperation = (element: XmlElement, index: number): Operation => {
  const at = `diff[${index}]`;
  const malformed = (why: string): FhirError => new FhirError('structure', `${at}: ${why}`, { expression: at });
  const { local, attributes, scope } = element;
  const kind = KINDS.find((each) => each === local);
  const sel = attributes.get('sel');
  if (kind === undefined) throw malformed(`an operation is one of ${KINDS.join(', ')}`);
  if (sel === undefined) throw malformed(`${kind} needs sel: where in the resource`);
  const place = PLACES.find((each) => each === (attributes.get('pos') ?? 'append'));
  if (place === undefined || (place === 'append' && attributes.has('pos'))) throw malformed('pos is one of prepend, before, after');
  const type = attributes.get('type');
  if (type !== undefined && !/^@[A-Za-z_][\w.-]*$/.test(type)) throw malformed('type is @ and the name of an attribute: FHIR has no other');
  let selector: Selector;
  try {
    selector = parseSelector(sel, scope);
  } catch (error) {
    throw error instanceof FhirError ? malformed(error.message) : error;
  }
  return { kind, at, selector, place, attribute: kind === 'add' ? type?.slice(1) : undefined, content: element };
};

const apply = (tree: XmlElement, operation: Operation, visit: (count: number) => void): void => {
  const { kind, at, selector, content } = operation;
  const found = select(tree, selector, visit);
  const [target] = found;
  if (target === undefined || found.length > 1)
    throw cannot(
      at,
      found.length === 0 ? 'sel leads to nothing in this resource' : `sel leads to ${found.length} elements: it must lead to one`,
    );
  const { attribute } = selector;
  if (attribute !== undefined) return applyToAttribute(target.element, attribute, operation);
  if (kind === 'add') return add(target, operation);
  const { parent, element } = target;
  if (parent === undefined) throw cannot(at, 'the whole resource is replaced by PUT, and deleted by DELETE');
  if (kind === 'remove') {
    parent.children.splice(parent.children.indexOf(element), 1);
    return undefined;
  }
  const [one, ...others] = elementsIn(content);
  if (one === undefined || others.length > 0) throw cannot(at, 'an element is replaced by one element');
  parent.children.splice(parent.children.indexOf(element), 1, one);
};

const applyToAttribute = ({ attributes }: XmlElement, name: string, { kind, at, content }: Operation): void => {
  if (kind === 'add') throw cannot(at, 'an attribute is added by type="@name", with sel leading to its element');
  if (!attributes.has(name)) throw cannot(at, `sel leads to nothing in this resource: there is no attribute ${name}`);
  if (kind === 'remove') attributes.delete(name);
  else attributes.set(name, textIn(content));
};

const add = ({ element, parent }: Found, { at, place, attribute, content }: Operation): void => {
  if (attribute !== undefined) {
    if (element.attributes.has(attribute)) throw cannot(at, `the attribute ${attribute} is there already: use replace`);
    element.attributes.set(attribute, textIn(content));
    return;
  }
  // Between elements of FHIR white space means nothing, and in a narrative no line end that only lays out the patch is meant.
  const nodes = content.children.filter((node) => node.kind !== 'text' || node.text.trim() !== '');
  if (nodes.length === 0) throw cannot(at, 'there is nothing to add');
  if (place === 'append') element.children.push(...nodes);
  else if (place === 'prepend') element.children.unshift(...nodes);
  else if (parent === undefined) throw cannot(at, 'nothing stands beside the resource itself');
  else parent.children.splice(parent.children.indexOf(element) + (place === 'after' ? 1 : 0), 0, ...nodes);
};

/** The members of the resource in JSON, by name, each as its text. */
const membersOf = (tree: XmlElement, registry: PatchLimits['registry']): Map<string, string> => {
  let json: string;
  try {
    json = fromXml(treeText(tree), registry);
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    throw cannot('diff', `the patched resource is not valid: ${error.message.replace(/, at line \d+, column \d+$/, '')}`);
  }
  return new Map([...new EditableJson(json).members].map(([key, value]) => [key, value.text]));
};
