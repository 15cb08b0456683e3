import { isObject } from '../../json/value.ts';

/** Whether two values are the same to the last member, in any order of members. */
export const equals = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, i) => equals(each, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => equals(a[key], b[key]));
};

/** Whether a value has all that the pattern has. Source: http://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_ */
export const matches = (value: unknown, pattern: unknown): boolean => {
  if (Array.isArray(pattern)) return Array.isArray(value) && pattern.every((each) => value.some((item) => matches(item, each)));
  if (isObject(pattern)) return isObject(value) && Object.entries(pattern).every(([key, each]) => matches(value[key], each));
  return value === pattern;
};
