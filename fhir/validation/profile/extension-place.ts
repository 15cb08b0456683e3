/** Where an extension may stand, and as what. Source: http://hl7.org/fhir/R4/defining-extensions.html#context, http://hl7.org/fhir/R4/extensibility.html */
import type { Registry } from '../../definitions/registry.ts';
import { isObject } from '../../json/value.ts';
import { type Findings, shown } from '../findings.ts';
import type { Invariant, InvariantChecker } from '../invariants.ts';
import { isAbsolute } from '../reference.ts';
import type { Step } from '../typed-walk.ts';
import { elementsOf, fixedValue, type StructureDefinition } from './structure-definition.ts';

export interface PlaceTools {
  readonly registry: Registry;
  /** Of an extension by its address; undefined where it isn't known. */
  readonly placeOf: (url: string) => ExtensionPlace | undefined;
  readonly invariants: () => InvariantChecker;
}

type Variables = Parameters<Invariant['holds']>[1];

const MAX_COMPILED = 1000;

const urlOf = ({ value }: Step): unknown => (isObject(value) ? value['url'] : undefined);

/** What definitions may call the place of a value by: its types, and its paths from each of its owners. */
const namesOf = (step: Step, registry: Registry): ReadonlySet<string> => {
  const chain = (type: string): string[] => {
    const types: string[] = [];
    for (let each: string | undefined = type; each !== undefined; each = registry.type(each)?.base) types.push(each);
    return types;
  };
  const names = new Set(chain(step.type));
  // R4 means resources by it too.
  names.add('Element');
  let tails = [''];
  for (let each: Step = step; each.owner !== undefined && each.element !== undefined; each = each.owner) {
    const { name, isChoice } = each.element;
    const written = isChoice ? [name, `${name}[x]`, name + each.type.charAt(0).toUpperCase() + each.type.slice(1)] : [name];
    tails = written.flatMap((one) => tails.map((tail) => `.${one}${tail}`));
    for (const type of chain(each.owner.type)) for (const tail of tails) names.add(type + tail);
    if (tails.length > 100) break;
  }
  return names;
};

/** What the definition of an extension says of its place. */
export interface ExtensionPlace {
  readonly isModifier: boolean;
  readonly context: NonNullable<StructureDefinition['context']>;
  readonly rules: readonly string[];
  /** The names that a complex extension gives to what it is made of. */
  readonly parts: ReadonlySet<unknown>;
}

export const extensionPlace = (definition: StructureDefinition): ExtensionPlace => ({
  isModifier: elementsOf(definition)[0]?.isModifier === true,
  context: definition.context ?? [],
  rules: definition.contextInvariant ?? [],
  parts: new Set(
    elementsOf(definition)
      .filter(({ path }) => path === 'Extension.extension.url')
      .map((element) => fixedValue(element)),
  ),
});

type Selects = (expression: string, owner: Step) => boolean;

// A place in a profile can't be told from the place alone: nothing is said against it.
const mayStand = ({ context }: ExtensionPlace, owner: Step, registry: Registry, selects: Selects): boolean => {
  if (context.length === 0) return true;
  const names = namesOf(owner, registry);
  return context.some(({ type, expression }) => {
    if (type === 'extension') return owner.type === 'Extension' && urlOf(owner) === expression.split('#', 1)[0];
    if (type === 'fhirpath') return selects(expression, owner);
    if (type !== 'element' || expression.includes('/')) return true;
    // Such as CanonicalResource, which is a type of later versions.
    if (registry.type(expression.split('.', 1)[0]!) === undefined) return true;
    return names.has(expression.replaceAll(/:[^.]*/g, ''));
  });
};

/** To be called for each extension that a walk comes to. */
export const createExtensionPlaces = ({ registry, placeOf, invariants }: PlaceTools): ((step: Step, findings: Findings) => void) => {
  const compiled = new Map<string, Invariant>();
  /** Undefined where the engine can't tell. */
  const evaluate = (expression: string, base: string, value: unknown, variables: Variables): boolean | undefined => {
    const key = `${base} ${expression}`;
    try {
      let rule = compiled.get(key);
      if (rule === undefined) {
        if (compiled.size >= MAX_COMPILED) compiled.clear();
        compiled.set(key, (rule = invariants().compile({ key, severity: 'error', human: expression, expression }, base)));
      }
      return rule.holds(value, variables);
    } catch {
      return undefined;
    }
  };
  const selects: Selects = (expression, { value, resource, isSibling }) => {
    if (isSibling || !isObject(value)) return true;
    const variables = { resource, rootResource: resource, extension: value };
    return evaluate(`(${expression}).where($this = %extension).exists()`, String(resource['resourceType']), resource, variables) !== false;
  };
  const checkRule = (expression: string, url: string, owner: Step, variables: Variables, findings: Findings): void => {
    if (evaluate(expression, owner.type, owner.value, variables) === false)
      findings.add('invariant', `${url.slice(0, 200)} may stand only where ${expression.slice(0, 200)}`);
  };

  const checkPart = (owner: Step, url: string, findings: Findings): void => {
    if (owner.type !== 'Extension') {
      findings.add('value', `${shown(url)} should be an absolute URI: others are for the parts of an extension`, 'url');
      return;
    }
    const whole = placeOf(String(urlOf(owner)));
    if (whole !== undefined && !whole.parts.has(url))
      findings.add('structure', `the extension ${String(urlOf(owner)).slice(0, 200)} has no part ${shown(url)}`, 'url');
  };

  return (step, findings) => {
    const { owner, element, value, resource } = step;
    const url = urlOf(step);
    if (owner === undefined || element === undefined || typeof url !== 'string') return;
    if (!isAbsolute(url)) {
      checkPart(owner, url, findings);
      return;
    }
    const isModifier = element.name === 'modifierExtension';
    const place = placeOf(url);
    if (place === undefined) {
      if (isModifier)
        findings.report(
          'warning',
          'not-found',
          `the modifier extension ${url.slice(0, 200)} is not known to this server: what it changes wasn't looked at`,
        );
      return;
    }
    if (isModifier !== place.isModifier) {
      const right = isModifier
        ? 'it changes no meaning: put it into extension'
        : 'it changes what its element means: put it into modifierExtension';
      findings.add('structure', `${url.slice(0, 200)} stands in ${element.name}, but ${right}`);
    }
    if (!mayStand(place, owner, registry, selects)) {
      const places = place.context.map(({ expression }) => expression).join(', ');
      findings.add('structure', `${url.slice(0, 200)} isn't defined for this element: it is for ${places.slice(0, 300)}`);
    } else if (!owner.isSibling && isObject(owner.value)) {
      for (const rule of place.rules) checkRule(rule, url, owner, { resource, rootResource: resource, extension: value }, findings);
    }
  };
};
