/** All that a resource is checked for: its structure, the rules of the profiles that it claims, and R4's invariants. */
import type { Registry } from '../definitions/registry.ts';
import { isObject, type Json } from '../json/value.ts';
import { membership } from '../terminology/membership.ts';
import type { TerminologySource } from '../terminology/resources.ts';
import { checkBundle } from './bundle-rules.ts';
import { requireAffordable } from './effort.ts';
import { Findings, MAX_ISSUES, type ValidationIssue } from './findings.ts';
import { baseRuleKeys, type InvariantChecker, loadInvariants } from './invariants.ts';
import { codesOf } from './profile/profile-binding.ts';
import { createProfileSource, definitionSource, eitherSource, type LazyDefinition, type ProfileSource } from './profile/profile-source.ts';
import { createProfiles, type Profiles } from './profile/profiles.ts';
import { createTypedWalk } from './typed-walk.ts';
import { createValueRules, type ValueRules } from './value-rules.ts';
import { createValidator, type Validator } from './validator.ts';
import { namesNamespace } from './xhtml.ts';

export interface ResourceValidator extends Validator {
  /** What a write breaks besides its structure, which must be right: the known profiles that it claims, R4's invariants if asked for. Throws 413 (effort.ts). */
  rules(resource: Json, type: string): ValidationIssue[];
  /** Whether a profile is known without asking the store. */
  knows(profile: string): boolean;
  /** Everything that can be said of a resource. Throws 413 (effort.ts). */
  everything(resource: Json, type: string, asked?: Asked): ValidationIssue[];
}

interface Asked {
  /** To check by besides those that it claims. */
  readonly profiles?: readonly string[];
  /** Profiles that count besides those that are known. */
  readonly definitions?: readonly LazyDefinition[];
  /** What bindings of profiles go by instead of what is known. */
  readonly terminology?: TerminologySource | undefined;
  /** Is told the value sets that a binding needs and nobody knows. */
  readonly missed?: Set<string>;
  /** The resource as it was sent. */
  readonly text?: string | undefined;
}

export interface ResourceValidatorOptions {
  readonly registry: Registry;
  readonly terminology: TerminologySource;
  /** Profiles and extensions besides those that ship with the server. */
  readonly profiles: Iterable<LazyDefinition>;
  readonly onWrite: 'structure' | 'full';
}

/** By profiles of clients, which may lead to each other on many ways. */
const MAX_CHECKS = 100_000;

const NONE: ValidationIssue[] = [];

const claimed = ({ meta }: Json): readonly string[] => {
  const { profile } = (meta ?? {}) as { profile?: unknown };
  return Array.isArray(profile) ? profile.filter((url) => typeof url === 'string') : [];
};

/** Does the work for each resource of a Bundle, with its path. */
const inEntries = ({ resourceType, entry }: Json, findings: Findings, work: (resource: Json) => void): void => {
  if (resourceType !== 'Bundle' || !Array.isArray(entry)) return;
  for (const [i, each] of entry.entries()) {
    const { resource } = (each ?? {}) as { resource?: unknown };
    if (!isObject(resource)) continue;
    findings.path.push('entry', i, 'resource');
    work(resource);
    findings.path.length -= 3;
  }
};

export const createResourceValidator = (options: ResourceValidatorOptions): ResourceValidator => {
  const { registry, terminology, onWrite } = options;
  const { validate } = createValidator(registry);
  let loaded: InvariantChecker | undefined;
  const invariants = (): InvariantChecker => (loaded ??= loadInvariants(registry, { memberOf, conformsTo }));
  const memberOf = (value: unknown, url: string): boolean => {
    const valueSet = terminology.valueSet(url);
    if (valueSet === undefined) throw new Error(`the value set ${url} is not loaded`);
    const found = codesOf(value).map((code) => membership(valueSet, code, terminology));
    const open = found.find(({ is }) => is === 'unknown');
    if (open !== undefined && !found.some(({ is }) => is === 'in')) throw new Error('it depends on what is not loaded');
    return found.some(({ is }) => is === 'in');
  };
  const conformsTo = (resource: Json, url: string): boolean => {
    const findings = new Findings(String(resource['resourceType']), true);
    const reason = known.check(url, resource, findings);
    if (reason !== undefined) throw new Error(`the profile ${reason}`);
    return findings.issues.length === 0;
  };
  let baseRules: ReadonlySet<string> | undefined;
  const isBaseRule = (key: string): boolean => (baseRules ??= baseRuleKeys()).has(key);
  const source = createProfileSource(options.profiles);
  const missing = new Set<string>();
  const bindings: TerminologySource = {
    ...terminology,
    valueSet: (canonical) => {
      const found = terminology.valueSet(canonical);
      if (found === undefined) missing.add(canonical);
      return found;
    },
  };
  const profilesOf = (from: ProfileSource, limit?: number, by = bindings): Profiles =>
    createProfiles({ registry, terminology: by, invariants, isBaseRule, source: from, ...(limit !== undefined && { limit }) });
  const known = profilesOf(source);
  const walk = createTypedWalk(registry);
  let valueRules: (() => ValueRules) | undefined;
  // Better now than while the first client waits.
  if (onWrite === 'full') invariants();

  return {
    validate,
    knows: known.knows,
    rules: (resource, type) => {
      const claims = claimed(resource);
      if (claims.length === 0 && type !== 'Bundle' && onWrite !== 'full') return NONE;
      const findings = new Findings(type, true);
      if (onWrite === 'full') {
        requireAffordable(resource);
        invariants().check(resource, findings);
      }
      for (const url of new Set(claims)) known.check(url, resource, findings);
      inEntries(resource, findings, (entry) => {
        for (const url of new Set(claimed(entry))) known.check(url, entry, findings);
      });
      return findings.issues;
    },
    everything: (resource, type, { profiles: asked = [], definitions = [], terminology: by, missed, text } = {}) => {
      const isKnown = definitions.length === 0 && by === undefined;
      const profiles = isKnown ? known : profilesOf(eitherSource(source, definitionSource(definitions)), MAX_CHECKS, by);
      missing.clear();
      const issues = validate(resource, type, text);
      // Rules are written for what has the right structure.
      if (issues.some(({ severity }) => severity === 'error')) return issues;
      requireAffordable(resource);
      const findings = new Findings(type);
      invariants().check(resource, findings);
      const checkValue = (valueRules ??= createValueRules(registry, terminology))();
      walk(resource, findings, (step) => {
        checkValue(step, findings);
        if (step.type === 'Extension') profiles.checkExtension(step, findings);
        else if (step.type === 'Bundle' && isObject(step.value)) checkBundle(step.value, findings, registry);
        else if (step.owner === undefined) checkNamespace(step.resource, findings);
      });
      const checkBy = (url: string, each: Json, severity: 'error' | 'warning'): void => {
        const reason = profiles.check(url, each, findings);
        if (reason !== undefined)
          findings.report(severity, 'not-found', `the profile ${url.slice(0, 200)} ${reason}: nothing was checked by it`);
      };
      for (const url of new Set(asked)) checkBy(url, resource, 'error');
      for (const url of new Set(claimed(resource))) if (!asked.includes(url)) checkBy(url, resource, 'warning');
      inEntries(resource, findings, (entry) => {
        for (const url of new Set(claimed(entry))) checkBy(url, entry, 'warning');
      });
      for (const url of missing) missed?.add(url);
      return distinct([...issues, ...findings.issues]).slice(0, MAX_ISSUES);
    },
  };
};

// Many clients leave it out, and readers get along without: no reason to refuse a write.
const checkNamespace = ({ text }: Json, findings: Findings): void => {
  const div = isObject(text) ? text['div'] : undefined;
  if (typeof div === 'string' && !namesNamespace(div))
    findings.report('warning', 'value', 'the <div> of a narrative names its namespace: xmlns="http://www.w3.org/1999/xhtml"', 'text.div');
};

// An extension may be checked for its own sake and as part of a profile.
const distinct = (issues: readonly ValidationIssue[]): ValidationIssue[] => [
  ...new Map(issues.map((issue) => [`${issue.severity} ${issue.diagnostics}`, issue])).values(),
];
