/**
 * Structural validation: elements, their JSON form, cardinality, primitive formats, required bindings, targets of references.
 * Every type is compiled to closures when it is first met. Source: http://hl7.org/fhir/R4/validation.html, http://hl7.org/fhir/R4/json.html
 */
import type { ElementDefinition, Registry } from '../definitions/registry.ts';
import { primitiveFault } from './primitive.ts';

export interface ValidationIssue {
  readonly severity: 'error' | 'warning';
  readonly code: 'structure' | 'required' | 'value' | 'code-invalid' | 'invariant';
  /** FHIRPath of the element, such as `Patient.name[0].family`. */
  readonly expression: string;
  readonly diagnostics: string;
}

export interface Validator {
  /** What is wrong with a resource of the type, at most 100 things. */
  validate(resource: unknown, type: string): ValidationIssue[];
}

const MAX_ISSUES = 100;

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? 'nothing';

/** Where the walk is, and what it has found. */
class Findings {
  readonly issues: ValidationIssue[] = [];
  readonly path: (string | number)[] = [];

  add(code: ValidationIssue['code'], diagnostics: string, element?: string): void {
    if (this.issues.length >= MAX_ISSUES) return;
    let expression = '';
    for (const step of element === undefined ? this.path : [...this.path, element]) {
      expression += typeof step === 'number' ? `[${step}]` : expression === '' ? step : `.${step}`;
    }
    this.issues.push({ severity: 'error', code, expression, diagnostics: `${expression}: ${diagnostics}` });
  }
}

type Check = (value: unknown, findings: Findings) => void;

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
    const isExtension = type === 'Extension';

    return (value, findings) => {
      if (!isObject(value)) {
        findings.add('structure', `${shown(value)} should be an object`);
        return;
      }
      let isEmpty = true;
      let chosen: Map<string, string> | undefined;
      for (const key in value) {
        isEmpty = false;
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
      if (isEmpty) findings.add('structure', 'an object has at least one member: leave it out, or fill it');
      for (const element of required) {
        const isThere = element.isChoice
          ? chosen?.has(element.name)
          : value[element.name] !== undefined || value[`_${element.name}`] !== undefined;
        if (!isThere) findings.add('required', `${element.name} is required and missing`, element.name);
      }
      if (isExtension && value['extension'] !== undefined && chosen?.has('value'))
        findings.add('invariant', 'an extension has a value or extensions, not both (ext-1)');
    };
  };

  const checkResource: Check = (value, findings) => {
    const type = isObject(value) ? value['resourceType'] : undefined;
    if (typeof type === 'string' && registry.isResourceType(type)) checkOf(type)(value, findings);
    else findings.add('structure', `a resource has the resourceType of an R4 resource, not ${shown(type)}`);
  };

  const compilePrimitive = (type: string): Check => {
    const fault = primitiveFault(type);
    return (value, findings) => {
      const hint = fault(value);
      if (hint !== undefined) findings.add('value', `${shown(value)} should be ${hint}`);
    };
  };

  const compileElement = ({ binding, targets }: ElementDefinition, type: string): Check => {
    const check = checkOf(type);
    const bound = binding === undefined ? undefined : registry.valueSet(binding);
    if (bound !== undefined && (type === 'code' || type === 'Coding' || type === 'CodeableConcept')) {
      return (value, findings) => {
        check(value, findings);
        for (const { system, code } of codesOf(value, type)) {
          const codes = system === undefined ? [...bound.values()] : [bound.get(system)].filter((set) => set !== undefined);
          if (codes.length > 0 && !codes.some((set) => set.has(code))) {
            findings.add(
              'code-invalid',
              `${shown(code)} is none of ${codes
                .flatMap((set) => [...set])
                .slice(0, 12)
                .join(', ')} (${binding})`,
            );
          }
        }
      };
    }
    if (type === 'Reference' && targets.length > 0) {
      const allowed = new Set(targets);
      return (value, findings) => {
        check(value, findings);
        const reference = isObject(value) ? value['reference'] : undefined;
        const target =
          typeof reference === 'string' ? /^([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[^/]+)?$/.exec(reference)?.[1] : undefined;
        if (target !== undefined && !allowed.has(target))
          findings.add('value', `a reference to ${target} isn't allowed here: it is to ${targets.join(' or ')}`);
      };
    }
    return check;
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
      return;
    }
    if (!Array.isArray(value)) {
      findings.add('structure', 'this element repeats: send an array');
      return;
    }
    if (Array.isArray(sibling) && sibling.length !== value.length)
      findings.add('structure', 'has another number of elements than the values that it extends');
    for (const [i, item] of value.entries()) {
      if (item === null) continue;
      findings.path.push(i);
      check(item, findings);
      findings.path.pop();
    }
  };

  return {
    validate: (resource, type) => {
      const findings = new Findings();
      findings.path.push(type);
      checkOf(type)(resource, findings);
      return findings.issues;
    },
  };
};

const codesOf = (value: unknown, type: string): { system: string | undefined; code: string }[] => {
  if (type === 'code') return typeof value === 'string' ? [{ system: undefined, code: value }] : [];
  const codings: unknown = type === 'Coding' ? [value] : isObject(value) ? value['coding'] : undefined;
  if (!Array.isArray(codings)) return [];
  return codings.flatMap((coding: unknown) =>
    isObject(coding) && typeof coding['code'] === 'string' && typeof coding['system'] === 'string'
      ? [{ system: coding['system'], code: coding['code'] }]
      : [],
  );
};

const hintFor = (key: string, properties: ReadonlyMap<string, Property>): string => {
  const near =
    [...properties.keys()].find((name) => name.toLowerCase() === key.toLowerCase()) ??
    [...properties.keys()].find((name) => name.startsWith(key.slice(0, 4)));
  return near === undefined ? '' : `: did you mean ${near}?`;
};
