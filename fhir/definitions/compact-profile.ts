import type { ProfileElement, StructureDefinition } from '../validation/profile/structure-definition.ts';

const KEPT: ReadonlySet<string> = new Set(['id', 'path', 'sliceName', 'contentReference', 'maxLength']);
const VALUES = /^(?:fixed|pattern|minValue|maxValue)[A-Z]/;

type Element = ProfileElement & Readonly<Record<string, unknown>>;

const compactElement = (element: Element, isBaseRule: (key: string) => boolean): object => {
  const { min, max, slicing, type, binding, constraint } = element;
  const rules = (constraint ?? []).filter(({ key, expression }) => expression !== undefined && !isBaseRule(key));
  return {
    ...Object.fromEntries(Object.entries(element).filter(([name]) => KEPT.has(name) || VALUES.test(name))),
    ...(min !== undefined && min > 0 && { min }),
    ...(max !== undefined && max !== '*' && { max }),
    ...(slicing && { slicing: { discriminator: slicing.discriminator, rules: slicing.rules, ...(slicing.ordered && { ordered: true }) } }),
    ...(type && { type: type.map(({ code, profile, targetProfile }) => ({ code, profile, targetProfile })) }),
    ...(binding?.valueSet && { binding: { strength: binding.strength, valueSet: binding.valueSet } }),
    ...(rules.length > 0 && { constraint: rules.map(({ key, severity, human, expression }) => ({ key, severity, human, expression })) }),
  };
};

/** One line per profile, what validation needs of it alone; the type and url first, as profile-source.ts reads them. */
export const compactProfiles = (profiles: Iterable<StructureDefinition>, isBaseRule: (key: string) => boolean): string => {
  const lines = [...profiles].map(({ resourceType, url, version, name, type, snapshot }) =>
    JSON.stringify({
      resourceType,
      url,
      version,
      name,
      type,
      snapshot: { element: (snapshot?.element ?? []).map((element) => compactElement(element as Element, isBaseRule)) },
    }),
  );
  return `${lines.sort().join('\n')}\n`;
};
