/** Bindings of a profile, by the value sets that are loaded. Source: http://hl7.org/fhir/R4/terminologies.html#strength */
import { isObject } from '../../json/value.ts';
import { type Code, membership } from '../../terminology/membership.ts';
import type { TerminologySource, ValueSet } from '../../terminology/resources.ts';
import { type Findings, shown } from '../findings.ts';
import type { ItemCheck } from './item.ts';
import type { ProfileElement } from './structure-definition.ts';

const codeOf = (value: unknown): Code[] => {
  if (typeof value === 'string') return [{ system: undefined, code: value }];
  if (!isObject(value)) return [];
  const { system, code } = value;
  return typeof code === 'string' ? [{ system: typeof system === 'string' ? system : '', code }] : [];
};

/** Of a code, Coding or CodeableConcept. */
export const codesOf = (value: unknown): Code[] => {
  if (!isObject(value) || !Array.isArray(value['coding'])) return codeOf(value);
  return value['coding'].flatMap(codeOf);
};

const isConcept = (value: unknown): boolean => isObject(value) && (value['coding'] !== undefined || value['text'] !== undefined);

/** Undefined for a binding that is only recommended. */
export const compileProfileBinding = (
  { binding }: ProfileElement,
  { source, by }: { readonly source: TerminologySource; readonly by: string },
): ItemCheck | undefined => {
  const url = binding?.valueSet;
  if (url === undefined || (binding!.strength !== 'required' && binding!.strength !== 'extensible')) return undefined;
  const isRequired = binding!.strength === 'required';
  let valueSet: ValueSet | undefined;
  return ({ value }, findings) => {
    if (value === undefined || value === null || (!isRequired && findings.onlyErrors)) return;
    const codes = codesOf(value);
    if (codes.length === 0 && !(isRequired && isConcept(value))) return;
    valueSet ??= source.valueSet(url);
    if (valueSet === undefined) {
      findings.isOpen ||= isRequired;
      open(findings, `the value set ${url} is not loaded`, by);
      return;
    }
    let reason: string | undefined;
    for (const code of codes) {
      const found = membership(valueSet, code, source);
      if (found.is === 'in') return;
      if (found.is === 'unknown') reason = found.reason;
    }
    if (reason !== undefined) {
      findings.isOpen ||= isRequired;
      open(findings, reason, by);
    } else {
      const given =
        codes.length === 0 ? 'a text alone' : codes.map(({ system, code }) => shown(system ? `${system}|${code}` : code)).join(', ');
      findings.report(
        isRequired ? 'error' : 'warning',
        'code-invalid',
        `${given} is not in ${url}, ${isRequired ? 'which is required' : 'which should be used where it has a code'} (${by})`,
      );
    }
  };
};

const open = (findings: Findings, reason: string, by: string): void =>
  findings.report('information', 'not-supported', `its code was not checked, since ${reason} (${by})`);
