import type { ProfileElement, StructureDefinition } from '../validation/profile/structure-definition.ts';

const KEPT: ReadonlySet<string> = new Set(['id', 'path', 'sliceName', 'contentReference', 'maxLength']);
const VALUES = /^(?:fixed|pattern|minValue|maxValue)[A-Z]/;

/** Where R4's own definitions carry extensions besides the places that those name. */
const PLACES: Readonly<Record<string, string>> = {
  'http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type': 'ElementDefinition.type',
  'http://hl7.org/fhir/StructureDefinition/regex': 'ElementDefinition.type',
  'http://hl7.org/fhir/StructureDefinition/structuredefinition-normative-version': 'Element',
};

type Element = ProfileElement & Readonly<Record<string, unknown>>;

const compactElement = (element: Element, isBaseRule: (key: string) => boolean): object => {
  const { min, max, slicing, type, binding, constraint, isModifier } = element;
  const rules = (constraint ?? []).filter(({ key, expression }) => expression !== undefined && !isBaseRule(key));
  return {
    ...Object.fromEntries(Object.entries(element).filter(([name]) => KEPT.has(name) || VALUES.test(name))),
    ...(min !== undefined && min > 0 && { min }),
    ...(max !== undefined && max !== '*' && { max }),
    ...(slicing && { slicing: { discriminator: slicing.discriminator, rules: slicing.rules, ...(slicing.ordered && { ordered: true }) } }),
    ...(isModifier === true && !element.path.includes('.') && { isModifier }),
    ...(type && { type: type.map(({ code, profile, targetProfile }) => ({ code, profile, targetProfile })) }),
    ...(binding?.valueSet && { binding: { strength: binding.strength, valueSet: binding.valueSet } }),
    ...(rules.length > 0 && { constraint: rules.map(({ key, severity, human, expression }) => ({ key, severity, human, expression })) }),
  };
};

const contextOf = (url: string, context: NonNullable<StructureDefinition['context']>): NonNullable<StructureDefinition['context']> => {
  const place = PLACES[url];
  const own = context.map(({ type, expression }) => ({ type, expression }));
  return place === undefined ? own : [...own, { type: 'element', expression: place }];
};

/** One line per profile, what validation needs of it alone; the type and url first, as profile-source.ts reads them. */
export const compactProfiles = (profiles: Iterable<StructureDefinition>, isBaseRule: (key: string) => boolean): string => {
  const lines = [...profiles].map(({ resourceType, url, version, name, type, context, contextInvariant, snapshot }) =>
    JSON.stringify({
      resourceType,
      url,
      version,
      name,
      type,
      ...(context && { context: contextOf(url, context) }),
      ...(contextInvariant && { contextInvariant }),
      snapshot: { element: (snapshot?.element ?? []).map((element) => compactElement(element as Element, isBaseRule)) },
    }),
  );
  return `${lines.sort().join('\n')}\n`;
};
