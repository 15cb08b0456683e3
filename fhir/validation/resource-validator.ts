/** All that a resource is checked for: its structure, the rules of the profiles that it claims, and R4's invariants. */
import type { Registry } from '../definitions/registry.ts';
import { Findings, type Json, MAX_ISSUES, type ValidationIssue } from './findings.ts';
import { type InvariantChecker, loadInvariants } from './invariants.ts';
import { createValidator, type Validator } from './validator.ts';

export interface ResourceValidator extends Validator {
  /** What a write breaks besides its structure, which must be right. */
  rules(resource: Json, type: string): ValidationIssue[];
  /** Everything that can be said of a resource, `profiles` being asked for besides those that it claims. */
  everything(resource: Json, type: string, profiles?: readonly string[]): ValidationIssue[];
}

export interface ResourceValidatorOptions {
  readonly registry: Registry;
  readonly onWrite: 'structure' | 'full';
}

export const createResourceValidator = ({ registry, onWrite }: ResourceValidatorOptions): ResourceValidator => {
  const { validate } = createValidator(registry);
  let loaded: InvariantChecker | undefined;
  const invariants = (): InvariantChecker => (loaded ??= loadInvariants(registry));
  if (onWrite === 'full') invariants();

  const claimed = ({ meta }: Json): readonly string[] => {
    const { profile } = (meta ?? {}) as { profile?: unknown };
    return Array.isArray(profile) ? profile.filter((url) => typeof url === 'string') : [];
  };

  return {
    validate,
    rules: (resource, type) => {
      if (onWrite !== 'full') return [];
      const findings = new Findings(type);
      invariants().check(resource, findings);
      return findings.issues;
    },
    everything: (resource, type, profiles = []) => {
      const issues = validate(resource, type);
      // Rules are written for what has the right structure.
      if (issues.some(({ severity }) => severity === 'error')) return issues;
      const findings = new Findings(type);
      invariants().check(resource, findings);
      for (const url of new Set([...profiles, ...claimed(resource)])) {
        const severity = profiles.includes(url) ? 'error' : 'warning';
        findings.report(severity, 'not-found', `the profile ${url.slice(0, 200)} is not known to this server: nothing was checked by it`);
      }
      return [...issues, ...findings.issues].slice(0, MAX_ISSUES);
    },
  };
};
