/** Profiles compiled to closures: only what they add to the base definitions. Source: http://hl7.org/fhir/R4/profiling.html */
import type { Registry } from '../../definitions/registry.ts';
import { isObject } from '../../json/value.ts';
import type { TerminologySource } from '../../terminology/resources.ts';
import { Findings, shown } from '../findings.ts';
import { type InvariantChecker, runInvariant, type Scope } from '../invariants.ts';
import { referencedType } from '../reference.ts';
import { type ExtensionPlace, extensionPlace } from './extension-place.ts';
import { compileMatcher } from './discriminator.ts';
import { at, capitalized, chosenType, insideOf, type Item, type ItemCheck, itemsOf, type ParentCheck } from './item.ts';
import { equals, isBelow, matches } from './pattern.ts';
import { compileProfileBinding } from './profile-binding.ts';
import { fixedValue, limits, patternValue, type ProfileNode, profileTree, type StructureDefinition } from './structure-definition.ts';

export interface CompiledProfile {
  /** The type that it is a profile of. */
  readonly type: string;
  readonly check: ItemCheck;
  /** Of an extension. */
  readonly place: ExtensionPlace | undefined;
}

export interface ProfileTools {
  readonly registry: Registry;
  readonly terminology: TerminologySource;
  readonly invariants: () => InvariantChecker;
  /** Another profile; undefined where it isn't known. */
  readonly profile: (url: string) => CompiledProfile | undefined;
  /** Told how often values are held against slices; throws where that is too much. */
  readonly spend?: (count: number) => void;
  /** Whether a rule is one of the base definitions, which are checked without profiles. */
  readonly isBaseRule: (key: string) => boolean;
}

const BASE = 'http://hl7.org/fhir/StructureDefinition/';
const SCRATCH = 'profile';

export const compileProfile = (definition: StructureDefinition, tools: ProfileTools): CompiledProfile => {
  const by = `${definition.url}${definition.version === undefined ? '' : `|${definition.version}`}`;
  const { registry } = tools;

  const tryOut = (check: ItemCheck, item: Item, scope: Scope): Findings => {
    const scratch = new Findings(SCRATCH, true);
    check(item, scratch, scope);
    return scratch;
  };
  const conforms = (check: ItemCheck, item: Item, scope: Scope): boolean => tryOut(check, item, scope).issues.length === 0;

  const compiled = new Map<ProfileNode, ItemCheck>();
  /** `owner` is the type, or path of the backbone element, that the node is an element of. */
  const itemCheck = (node: ProfileNode, owner: string): ItemCheck => {
    let check = compiled.get(node);
    if (check === undefined) compiled.set(node, (check = compileItem(node, owner) ?? (() => undefined)));
    return check;
  };

  const compileItem = (node: ProfileNode, owner: string): ItemCheck | undefined => {
    const { element } = node;
    const parts: ItemCheck[] = [];
    const add = (check: ItemCheck | undefined): void => {
      if (check !== undefined) parts.push(check);
    };
    add(typeCheck(node, owner));
    add(referenceCheck(node, owner));
    add(profileCheck(node));
    add(valueCheck(node));
    add(compileProfileBinding(element, { source: tools.terminology, by }));
    for (const { key, severity, human, expression } of element.constraint ?? []) {
      if (expression === undefined || tools.isBaseRule(key)) continue;
      add(constraintCheck({ key, severity: severity === 'error' ? 'error' : 'warning', human: `${human} (${by})`, expression }, owner));
    }
    const inner = owner === '' ? definition.type : typeOf(node, owner);
    const children = [...node.children.values()].flatMap((child) => compileChild(child, inner) ?? []);
    if (children.length > 0) {
      parts.push((item, findings, scope) => {
        const inside = insideOf(item);
        if (inside === undefined) return;
        const isResource = typeof inside['resourceType'] === 'string' && inside !== scope.resource;
        const own = isResource ? { resource: inside, rootResource: scope.rootResource } : scope;
        for (const child of children) child(inside, findings, own);
      });
    }
    if (parts.length === 0) return undefined;
    if (parts.length === 1) return parts[0];
    return (item, findings, scope) => {
      for (const part of parts) part(item, findings, scope);
    };
  };

  /** The type that the children of a node are elements of; `Element` where several are possible. */
  const typeOf = ({ element, name }: ProfileNode, owner: string): string => {
    const known = registry.type(owner)?.element.get(name)?.types ?? [];
    const [only, more] = element.type ?? [];
    if (only === undefined || more !== undefined) return known.length === 1 ? known[0]! : 'Element';
    return only.code === 'BackboneElement' || only.code === 'Element' ? (known[0] ?? 'Element') : only.code;
  };

  const typeCheck = ({ element, name, isChoice }: ProfileNode, owner: string): ItemCheck | undefined => {
    const known = registry.type(owner)?.element.get(name)?.types ?? [];
    const codes = (element.type ?? []).map(({ code }) => code);
    if (!isChoice || codes.length === 0 || codes.length >= known.length) return undefined;
    const allowed = new Set(codes.map(capitalized));
    return (item, findings) => {
      if (!allowed.has(chosenType(item, name))) findings.add('value', `its type should be ${codes.join(' or ')} (${by})`);
    };
  };

  const referenceCheck = ({ element, name }: ProfileNode, owner: string): ItemCheck | undefined => {
    const profiles = (element.type ?? []).filter(({ code }) => code === 'Reference').flatMap(({ targetProfile }) => targetProfile ?? []);
    const known = registry.type(owner)?.element.get(name)?.targets ?? [];
    if (profiles.length === 0) return undefined;
    let allowed: ReadonlySet<string> | undefined;
    // A profile that isn't known leaves open which type it is of.
    const typesOf = (): ReadonlySet<string> => {
      const types = profiles.map((url) => {
        const last = url.slice(BASE.length);
        return url.startsWith(BASE) && registry.type(last) !== undefined ? last : (tools.profile(url)?.type ?? 'Resource');
      });
      return new Set(types.includes('Resource') ? [] : types);
    };
    return ({ value }, findings) => {
      const reference = isObject(value) ? value['reference'] : undefined;
      const type = typeof reference === 'string' ? referencedType(reference) : undefined;
      if (type === undefined || !registry.isResourceType(type)) return;
      allowed ??= typesOf();
      if (allowed.size > 0 && allowed.size !== known.length && !allowed.has(type)) {
        findings.add('value', `a reference to ${type} isn't allowed: it is to ${[...allowed].join(' or ')} (${by})`);
      }
    };
  };

  const profileCheck = ({ element }: ProfileNode): ItemCheck | undefined => {
    const urls = (element.type ?? []).flatMap(({ profile }) => profile ?? []);
    if (urls.length === 0) return undefined;
    let known: readonly CompiledProfile[] | undefined;
    return (item, findings, scope) => {
      known ??= urls.flatMap((url) => tools.profile(url) ?? []);
      if (known.length < urls.length) {
        findings.report('information', 'not-found', `${urls.join(' or ')} is not known to this server: nothing was checked by it`);
      } else if (known.length === 1) known[0]!.check(item, findings, scope);
      else if (!known.some(({ check }) => conforms(check, item, scope)))
        findings.add('value', `it keeps none of ${urls.join(', ')} (${by})`);
    };
  };

  const valueCheck = ({ element }: ProfileNode): ItemCheck | undefined => {
    const fixed = fixedValue(element);
    const pattern = patternValue(element);
    const { maxLength } = element;
    const { least, most } = limits(element);
    if ([fixed, pattern, maxLength, least, most].every((each) => each === undefined)) return undefined;
    return ({ value }, findings) => {
      if (value === undefined || value === null) return;
      if (fixed !== undefined && !equals(value, fixed))
        findings.add('value', `${shown(value)} should be ${JSON.stringify(fixed).slice(0, 200)} (${by})`);
      if (pattern !== undefined && !matches(value, pattern))
        findings.add('value', `it should contain ${JSON.stringify(pattern).slice(0, 200)} (${by})`);
      if (least !== undefined && isBelow(value, least)) findings.add('value', `it should be at least ${shown(least)} (${by})`);
      if (most !== undefined && isBelow(most, value)) findings.add('value', `it should be at most ${shown(most)} (${by})`);
      if (maxLength !== undefined && typeof value === 'string' && value.length > maxLength)
        findings.add('value', `it should have ${maxLength} characters at most (${by})`);
    };
  };

  const constraintCheck = (rule: Parameters<InvariantChecker['compile']>[0], owner: string): ItemCheck => {
    // The engine tells the type of a choice by its member.
    const compiledFor = new Map<string, ReturnType<InvariantChecker['compile']>>();
    return ({ value, key }, findings, scope) => {
      if (value === undefined || value === null || (findings.onlyErrors && rule.severity !== 'error')) return;
      const base = owner === '' ? definition.type : `${owner}.${key}`;
      let invariant = compiledFor.get(base);
      if (invariant === undefined) compiledFor.set(base, (invariant = tools.invariants().compile(rule, base)));
      runInvariant(invariant, value, findings, scope);
    };
  };

  const compileChild = (node: ProfileNode, owner: string): ParentCheck | undefined => {
    const { element, name, isChoice } = node;
    const known = registry.type(owner)?.element.get(name);
    const min = element.min ?? 0;
    const max = element.max === undefined || element.max === '*' ? Infinity : Number(element.max);
    const content = compileItem(node, owner);
    const slices = compileSlices(node, owner);
    const isCounted = min > (known?.min ?? 0) || max < (known?.max ?? Infinity);
    if (content === undefined && slices === undefined && !isCounted) return undefined;
    return (parent, findings, scope) => {
      const items = itemsOf(parent, name, isChoice);
      if (items.length < min) findings.add('required', `${min === 1 ? 'it is required' : `at least ${min} are required`} (${by})`, name);
      if (items.length > max) findings.add('structure', `${max === 0 ? 'it is not allowed' : `${max} at most are allowed`} (${by})`, name);
      if (content !== undefined) for (const item of items) at(item, findings, () => content(item, findings, scope));
      slices?.(items, findings, scope);
    };
  };

  const compileSlices = (
    node: ProfileNode,
    owner: string,
  ): ((items: readonly Item[], findings: Findings, scope: Scope) => void) | undefined => {
    const { name, isChoice, slices, element } = node;
    const isExtension = name === 'extension' || name === 'modifierExtension';
    // What goes without saying in a differential.
    const implied = isExtension ? { type: 'value', path: 'url' } : isChoice ? { type: 'type', path: '$this' } : undefined;
    const slicing = element.slicing ?? (implied && { discriminator: [implied], rules: 'open' });
    if (slicing === undefined || (slices.size === 0 && slicing.rules !== 'closed')) return undefined;
    const known = [...slices.values()].map((slice) => ({
      sliceName: slice.sliceName,
      min: slice.element.min ?? 0,
      max: slice.element.max === undefined || slice.element.max === '*' ? Infinity : Number(slice.element.max),
      content: itemCheck(slice, owner),
      matches: compileMatcher(slice, slicing.discriminator ?? [], {
        conforms: (inner, item, scope) => {
          const { issues, isOpen } = tryOut(itemCheck(inner, 'Element'), item, scope);
          return issues.length > 0 ? false : isOpen ? undefined : true;
        },
        conformsTo: (url, item, scope) => {
          const profile = tools.profile(url);
          return profile && conforms(profile.check, item, scope);
        },
      }),
    }));
    return (items, findings, scope) => {
      const counts = known.map(() => 0);
      let isOpen = false;
      let last = -1;
      for (const item of items) {
        tools.spend?.(known.length);
        const results = known.map(({ matches }) => matches(item, scope));
        const index = results.indexOf(true);
        if (index === -1 && results.includes(undefined)) isOpen = true;
        else
          at(item, findings, () => {
            if (index === -1) {
              if (slicing.rules === 'closed')
                findings.add(
                  'value',
                  `it is none of ${known.map(({ sliceName }) => sliceName).join(', ')}, and others are not allowed (${by})`,
                );
              else if (slicing.rules === 'openAtEnd') last = known.length;
              return;
            }
            counts[index]!++;
            if (index < last && (slicing.ordered === true || last === known.length))
              findings.add('structure', `${known[index]!.sliceName} should come earlier (${by})`);
            last = Math.max(last, index);
            known[index]!.content(item, findings, scope);
          });
      }
      for (const [i, { sliceName, min, max }] of known.entries()) {
        const count = counts[i]!;
        if (count < min && !isOpen)
          findings.add('required', `${sliceName}: ${min === 1 ? 'it is required' : `at least ${min} are required`} (${by})`, name);
        if (count > max)
          findings.add('structure', `${sliceName}: ${max === 0 ? 'it is not allowed' : `${max} at most are allowed`} (${by})`, name);
      }
      if (isOpen)
        findings.report(
          'information',
          'not-supported',
          `the slices of ${name} can't be told apart from this resource alone: they were not checked (${by})`,
        );
    };
  };

  // A differential counts besides its base.
  const baseCheck = (): ItemCheck | undefined => {
    const url = definition.snapshot === undefined ? definition.baseDefinition : undefined;
    if (url === undefined || (url.startsWith(BASE) && registry.type(url.slice(BASE.length)) !== undefined)) return undefined;
    let base: CompiledProfile | undefined;
    return (item, findings, scope) => {
      base ??= tools.profile(url);
      if (base !== undefined) base.check(item, findings, scope);
      else findings.report('information', 'not-found', `its base ${url.slice(0, 200)} is not known to this server (${by})`);
    };
  };

  const own = compileItem(profileTree(definition), '');
  const base = baseCheck();
  const check: ItemCheck | undefined =
    base === undefined
      ? own
      : (item, findings, scope) => {
          base(item, findings, scope);
          own?.(item, findings, scope);
        };
  // A slice or a part of another resource may be of any type.
  const isOther = (value: unknown): boolean => {
    const type = isObject(value) ? value['resourceType'] : undefined;
    return typeof type === 'string' && type !== definition.type && registry.isResourceType(definition.type);
  };
  let busy: unknown;
  return {
    type: definition.type,
    check: (item, findings, scope) => {
      // Profiles may lead back to themselves: a value is held against each once.
      if (busy !== undefined && item.value === busy) return;
      if (isOther(item.value)) {
        findings.add('value', `it should be a ${definition.type} (${by})`);
        return;
      }
      const outer = busy;
      busy = item.value;
      try {
        check?.(item, findings, scope);
      } finally {
        busy = outer;
      }
    },
    place: definition.type === 'Extension' ? extensionPlace(definition) : undefined,
  };
};
