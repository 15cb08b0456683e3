/**
 * Structural validation: elements, their JSON form, cardinality, primitive formats, required bindings, targets of references.
 * Every type is compiled to closures when it is first met. Source: http://hl7.org/fhir/R4/validation.html, http://hl7.org/fhir/R4/json.html
 */
import type { ElementDefinition, Registry } from '../definitions/registry.ts';
import { isObject } from '../json/value.ts';
import { CODED_TYPES, compileBinding } from './binding.ts';
import { checkContained } from './contained.ts';
import { DATATYPE_RULES } from './datatype-rules.ts';
import { type Check, Findings, shown, type ValidationIssue } from './findings.ts';
import { primitiveFault } from './primitive.ts';
import { compileReference } from './reference.ts';
import { writtenNumbers } from './written-number.ts';
import { xhtmlFault } from './xhtml.ts';

export interface Validator {
  /** What is wrong with a resource of the type, at most 100 things; with its text, how whole numbers are written too. */
  validate(resource: unknown, type: string, text?: string): ValidationIssue[];
}

const URI_TYPES = new Set(['uri', 'url', 'canonical']);
/** Source: http://hl7.org/fhir/R4/datatypes.html#integer */
const WHOLE_TYPES = new Set(['integer', 'unsignedInt', 'positiveInt']);

interface Property {
  readonly element: ElementDefinition;
  readonly isPrimitive: boolean;
  readonly check: Check;
}

export const createValidator = (registry: Registry): Validator => {
  const types = new Map<string, Check>();
  const checkOf = (type: string): Check => {
    let check = types.get(type);
    if (check === undefined) {
      // Types contain each other (Extension, Identifier): the body is compiled when it is first run.
      let compiled: Check | undefined;
      types.set(type, (check = (value, findings) => (compiled ??= compileType(type))(value, findings)));
    }
    return check;
  };

  const compileType = (type: string): Check => {
    if (type === 'Resource') return checkResource;
    const definition = registry.type(type);
    if (definition === undefined) throw new Error(`the definitions have no type ${type}`);
    if (definition.kind === 'primitive') return compilePrimitive(type);
    const isResource = definition.kind === 'resource';
    const properties = new Map<string, Property>();
    for (const element of definition.elements) {
      for (const each of element.types) {
        const name = element.isChoice ? element.name + each.charAt(0).toUpperCase() + each.slice(1) : element.name;
        properties.set(name, { element, isPrimitive: registry.type(each)?.kind === 'primitive', check: compileElement(element, each) });
      }
    }
    const required = definition.elements.filter(({ min }) => min > 0);
    const choices = definition.elements.some(({ isChoice }) => isChoice);
    const rules = DATATYPE_RULES[type] ?? [];
    // What stands beside a primitive is Element itself: an id is enough there.
    const idIsContent = isResource || type === 'Element';

    const check: Check = (value, findings) => {
      if (!isObject(value)) {
        findings.add('structure', `${shown(value)} should be an object`);
        return;
      }
      let isEmpty = true;
      let chosen: Map<string, string> | undefined;
      for (const key in value) {
        if (idIsContent || key !== 'id') isEmpty = false;
        if (isResource && key === 'resourceType') continue;
        const underscored = key.charCodeAt(0) === 95;
        const property = properties.get(underscored ? key.slice(1) : key);
        if (property === undefined || (underscored && !property.isPrimitive)) {
          findings.add('structure', `${type} has no element ${key.slice(0, 60)}${hintFor(key, properties)}`, key.slice(0, 60));
          continue;
        }
        findings.path.push(key);
        if (underscored) checkExtensions(value[key], value[key.slice(1)], property, findings);
        else checkValue(value[key], value[`_${key}`], property, findings);
        findings.path.pop();
        if (choices && property.element.isChoice) {
          const name = underscored ? key.slice(1) : key;
          const other = (chosen ??= new Map<string, string>()).get(property.element.name);
          if (other !== undefined && other !== name)
            findings.add('structure', `${other} and ${name} can't both be given: keep one`, property.element.name);
          chosen.set(property.element.name, name);
        }
      }
      if (isEmpty) findings.add('structure', 'an object has a member besides its id (ele-1): leave it out, or fill it');
      for (const element of required) {
        const isThere = element.isChoice
          ? chosen?.has(element.name)
          : value[element.name] !== undefined || value[`_${element.name}`] !== undefined;
        if (!isThere) findings.add('required', `${element.name} is required and missing`, element.name);
      }
      for (const { key, holds, hint } of rules) if (!holds(value)) findings.add('invariant', `${hint} (${key})`);
    };
    return definition.element.has('contained') ? withContained(check) : check;
  };

  // Local references are looked up within the outermost resource that can contain others.
  const withContained =
    (check: Check): Check =>
    (value, findings) => {
      if (findings.contained !== undefined) {
        check(value, findings);
        return;
      }
      findings.fragments = undefined;
      findings.toContainer.clear();
      findings.narrow.length = 0;
      check(value, findings);
      if (isObject(value) && (value['contained'] !== undefined || findings.fragments !== undefined))
        checkContained(value, findings, registry);
    };

  const checkContainedResource: Check = (value, findings) => {
    const outer = findings.contained;
    findings.contained = outer ?? Number(findings.path.at(-1));
    checkResource(value, findings);
    findings.contained = outer;
  };

  const checkResource: Check = (value, findings) => {
    const type = isObject(value) ? value['resourceType'] : undefined;
    if (typeof type === 'string' && registry.isResourceType(type)) checkOf(type)(value, findings);
    else findings.add('structure', `a resource has the resourceType of an R4 resource, not ${shown(type)}`);
  };

  const compilePrimitive = (type: string): Check => {
    if (type === 'xhtml') return checkXhtml;
    const fault = primitiveFault(type);
    const mayBeLocal = URI_TYPES.has(type);
    const isWhole = WHOLE_TYPES.has(type);
    return (value, findings) => {
      const hint = fault(value);
      if (hint !== undefined) findings.add('value', `${shown(value)} should be ${hint}`);
      else if (mayBeLocal && (value as string).charCodeAt(0) === 35) findings.fragment(value as string, false);
      else if (isWhole) checkWhole(findings);
    };
  };

  const compileElement = ({ name, binding, targets, isSimpleQuantity }: ElementDefinition, type: string): Check => {
    if (name === 'contained' && type === 'Resource') return checkContainedResource;
    const checks = [checkOf(type)];
    if (binding !== undefined && CODED_TYPES.has(type)) {
      const check = compileBinding(binding, registry.valueSet(binding), type);
      if (check !== undefined) checks.push(check);
    }
    if (type === 'Reference') checks.push(compileReference(registry, targets));
    if (type === 'Quantity' && isSimpleQuantity) checks.push(checkSimpleQuantity);
    const [first, second] = checks;
    if (second === undefined) return first!;
    return (value, findings) => {
      first!(value, findings);
      second(value, findings);
    };
  };

  const checkValue = (value: unknown, extensions: unknown, { element, isPrimitive, check }: Property, findings: Findings): void => {
    if (element.max <= 1) {
      if (Array.isArray(value)) findings.add('structure', 'there is one value here at most: send it without the brackets');
      else if (value === null) findings.add('structure', 'null is no value: leave the element out');
      else check(value, findings);
      return;
    }
    if (!Array.isArray(value)) {
      findings.add('structure', 'this element repeats: send an array');
      return;
    }
    if (value.length === 0) findings.add('structure', 'an array has at least one element: leave it out, or fill it');
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      findings.path.push(i);
      // In an array of primitives null keeps the place of a value that has only extensions.
      if (item === null && isPrimitive && Array.isArray(extensions) && isObject(extensions[i])) {
        findings.path.pop();
        continue;
      }
      if (item === null) findings.add('structure', 'null is no value: leave it out');
      else check(item, findings);
      findings.path.pop();
    }
  };

  const checkExtensions = (value: unknown, sibling: unknown, { element }: Property, findings: Findings): void => {
    const check = checkOf('Element');
    if (element.max <= 1) {
      check(value, findings);
      if (sibling === undefined) requireExtension(value, findings);
      return;
    }
    if (!Array.isArray(value)) {
      findings.add('structure', 'this element repeats: send an array');
      return;
    }
    const values: readonly unknown[] = Array.isArray(sibling) ? sibling : [];
    if (values.length > 0 && values.length !== value.length)
      findings.add('structure', `has ${value.length} elements, but there are ${values.length} values: fill the gaps with null`);
    for (const [i, item] of value.entries()) {
      if (item === null && values.length > 0) continue;
      findings.path.push(i);
      if (item === null) findings.add('structure', 'null is no value: leave it out');
      else check(item, findings);
      if (values[i] === undefined || values[i] === null) requireExtension(item, findings);
      findings.path.pop();
    }
    if (values.length > 0 && value.every((item) => item === null)) findings.add('structure', 'it holds nothing but null: leave it out');
  };

  return {
    validate: (resource, type, text) => {
      const findings = new Findings(type, false, text === undefined ? undefined : writtenNumbers(text));
      checkOf(type)(resource, findings);
      return findings.issues;
    },
  };
};

// What has no value is there for its extensions alone.
const requireExtension = (value: unknown, findings: Findings): void => {
  if (isObject(value) && value['id'] !== undefined && value['extension'] === undefined)
    findings.add('structure', 'it has neither a value nor an extension (ele-1): leave it out, or fill it');
};

const WHOLE = /^-?\d+$/;

const checkWhole = (findings: Findings): void => {
  const written = findings.written?.(findings.path.slice(1));
  if (written !== undefined && !WHOLE.test(written))
    findings.add('value', `${written.slice(0, 60)} is a whole number: write it without a fraction or an exponent`);
};

const LOCAL = /\s(?:src|href)\s*=\s*(["'])(#[^"']+)\1/g;

const checkXhtml: Check = (value, findings) => {
  if (typeof value !== 'string') findings.add('value', `${shown(value)} should be XHTML in a text`);
  else {
    const fault = xhtmlFault(value);
    if (fault !== undefined) findings.add('value', fault);
    // A narrative shows what its resource contains, such as an image.
    else if (value.includes('#')) for (const [, , id] of value.matchAll(LOCAL)) findings.fragment(id!, false);
  }
};

const checkSimpleQuantity: Check = (value, findings) => {
  if (isObject(value) && (value['comparator'] !== undefined || value['_comparator'] !== undefined))
    findings.add('invariant', 'a quantity here has no comparator (sqty-1): leave it out', 'comparator');
};

const hintFor = (key: string, properties: ReadonlyMap<string, Property>): string => {
  const near =
    [...properties.keys()].find((name) => name.toLowerCase() === key.toLowerCase()) ??
    [...properties.keys()].find((name) => name.startsWith(key.slice(0, 4)));
  return near === undefined ? '' : `: did you mean ${near}?`;
};
