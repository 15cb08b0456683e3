/** One criterion of a search. Source: http://hl7.org/fhir/R4/search.html#modifiers */
import { FhirError } from '../http/outcome.ts';
import type { IndexedParameter } from './index-plan.ts';
import { isFunctional, requireFunction, requireNoFunction } from './functional-list.ts';
import { parseChain, parseHas } from './parse-chain.ts';
import { parseFilter } from './parse-filter.ts';
import { isContainedType } from './contained.ts';
import { alternatives, badValue, canonicalTarget, type Parsing, requireParameter, unknown, WrongModifier } from './parsing.ts';
import { splitUnescaped, unescapeValue } from './parameter/escape.ts';
import { isLocalReference, referencesOf } from './parameter/reference.ts';
import { isMediaType } from './parameter/token.ts';
import type { Criterion, Test } from './request.ts';

const MAX_DEPTH = 8;
/** A contained resource has no time of its own, and no reference leads to it from outside. */
const NOT_OF_CONTAINED = /^(?:_has:|_list(?:$|:)|_lastUpdated(?:$|:))/;

/** Throws FhirError on what isn't known, malformed, or not allowed to the caller. */
export const parseCriterion = (type: string, own: string, value: string, p: Parsing, depth = 0): Criterion => {
  const name = p.before + own;
  if (depth > MAX_DEPTH)
    throw new FhirError('too-costly', `${name.slice(0, 80)} goes through more than ${MAX_DEPTH} references`, {
      expression: `http.${name.slice(0, 80)}`,
    });
  if (isContainedType(type) && NOT_OF_CONTAINED.test(own))
    throw unknown(name, `${name.slice(0, 80)} doesn't go with _contained=true and _contained=both: leave out one of them`);
  if (own.startsWith('_has:')) return parseHas(type, own, value, p, depth);
  const dot = own.indexOf('.');
  const [code = '', modifier, ...more] = (dot === -1 ? own : own.slice(0, dot)).split(':');
  if (more.length > 0) throw new WrongModifier(name, `${name.slice(0, 80)} has more than one modifier`);
  if (dot !== -1) return parseChain({ type, code, modifier, name: own, rest: own.slice(dot + 1), value }, p, depth);
  const special = Object.hasOwn(SPECIAL, code) ? SPECIAL[code] : undefined;
  if (special !== undefined) {
    const criterion: Criterion = { name, test: special(type, { name, modifier, value }, p) };
    if (depth > 0) requireNoFunction(criterion);
    return criterion;
  }
  const indexed = requireParameter(type, code, name, p);
  const written = { name, modifier, value };
  return { name, test: versionedTest(type, indexed, written, p) ?? parameterTest(indexed, written, p) };
};

interface Written {
  readonly name: string;
  readonly modifier: string | undefined;
  readonly value: string;
}

const noModifier = ({ name, modifier }: Written): void => {
  if (modifier !== undefined) throw new WrongModifier(name, `${name.slice(0, 80)} takes no modifier`);
};

/** `:missing` of what every resource has. */
const neverMissing = (name: string, value: string): Test => {
  const none: Test = { kind: 'id', values: [] };
  return isMissing(name, value) ? none : { kind: 'not', criterion: { name, test: none } };
};

const isMissing = (name: string, value: string): boolean => {
  if (value !== 'true' && value !== 'false') throw badValue(name, `${name}=${value.slice(0, 20)}: say true or false`);
  return value === 'true';
};

/** What begins with a scheme, such as http://… and urn:…, and isn't Type/id. */
const URI = /^[a-z][a-z0-9+.-]*:/i;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** Parameters that no path finds. */
const SPECIAL: Readonly<Partial<Record<string, (type: string, written: Written, p: Parsing) => Test>>> = {
  _id: (_, { name, modifier, value }) => {
    if (modifier === 'missing') return neverMissing(name, value);
    const test: Test = { kind: 'id', values: alternatives(name, value).map(unescapeValue) };
    if (modifier === undefined) return test;
    if (modifier === 'not') return { kind: 'not', criterion: { name, test } };
    throw new WrongModifier(name, `${name.slice(0, 80)}: _id takes no modifier but :not and :missing`);
  },
  _lastUpdated: (_, written) => {
    if (written.modifier === 'missing') return neverMissing(written.name, written.value);
    noModifier(written);
    return { kind: 'updated', values: alternatives(written.name, written.value) };
  },
  _list: (_, written, p) => {
    noModifier(written);
    const values = alternatives(written.name, written.value).map((each) => each.replace(/^List\//, ''));
    for (const each of values) {
      if (isFunctional(each)) requireFunction(each);
      else if (!ID.test(each)) throw badValue('_list', '_list takes the id of a List, or what it is for, as in $current-problems');
    }
    if (!p.allowed('List', 's')) throw forbidden(written.name, 'List');
    return { kind: 'list', values, item: requireParameter('List', 'item', written.name, p) };
  },
  // Whatever the client prefers: without its query a search means something else.
  _query: (_, { name, value }) => {
    throw badValue(name, `_query=${value.slice(0, 60)}: this server defines no named query: say what you look for in search parameters`);
  },
  _filter: (type, written, p) => {
    noModifier(written);
    return parseFilter(type, written.value, p);
  },
};

export const forbidden = (name: string, type: string, letter: 'r' | 's' = 's'): FhirError =>
  new FhirError('forbidden', `${name.slice(0, 120)} leads to ${type} resources: this needs the scope system/${type}.${letter}`);

/**
 * `url=http://…/x|2`: the resource of this canonical address and version; undefined for other criteria.
 * Source: http://hl7.org/fhir/R4/search.html#uri
 */
const versionedTest = (type: string, indexed: IndexedParameter, { name, modifier, value }: Written, p: Parsing): Test | undefined => {
  if (indexed.parameterType.table !== 'uri' || modifier !== undefined || !value.includes('|')) return undefined;
  const { url, version } = canonicalTarget(type, p) ?? {};
  if (url !== indexed || version === undefined) return undefined;
  const equal = (parameter: IndexedParameter, text: string): Criterion => ({
    name,
    test: { kind: 'parameter', indexed: parameter, modifier: undefined, values: [text] },
  });
  const criteria = alternatives(name, value).map((each): Criterion => {
    const [address = '', ...rest] = splitUnescaped(each, '|');
    const wanted = rest.join('\\|');
    if (wanted === '') return equal(url, address);
    return { name, test: { kind: 'and', criteria: [equal(url, address), equal(version, wanted)] } };
  });
  return criteria.length === 1 ? criteria[0]!.test : { kind: 'or', criteria };
};

/** The test of a parameter's own values, with what its modifier makes of it. */
export const parameterTest = (indexed: IndexedParameter, written: Written, p: Parsing): Test => {
  const { parameterType } = indexed;
  const { name, modifier, value } = written;
  const isType = modifier !== undefined && parameterType.table === 'ref' && p.registry.isResourceType(modifier);
  if (modifier !== undefined && !isType && !parameterType.modifiers.includes(modifier)) {
    const known = parameterType.modifiers.map((each) => `:${each}`).join(', ');
    throw new WrongModifier(
      name,
      `${name.slice(0, 80)}: the modifier :${modifier.slice(0, 40)} isn't one of ${known === '' ? 'none, which it takes' : known}`,
    );
  }
  if (modifier === 'missing') isMissing(name, value);
  const values = alternatives(name, value);
  switch (`${parameterType.table}:${modifier ?? ''}`) {
    case 'token:in':
    case 'token:not-in':
    case 'token:above':
    case 'token:below':
      if (modifier === 'below' && indexed.laneKeys.has('media-type') && values.map(unescapeValue).every(isMediaType)) break;
      return { kind: 'codes', indexed, modifier: modifier as 'in', values };
    case 'token:of-type':
      requireDatatype(indexed, 'Identifier', name);
      break;
    case 'ref:identifier':
      requireDatatype(indexed, 'Reference', name);
      break;
    case 'ref:above':
    case 'ref:below':
      if (values.some((each) => URI.test(unescapeValue(each)))) {
        if (modifier === 'below') break;
        throw unknown(name, `${name.slice(0, 80)}: :above of a canonical address says nothing here; use :below with url|version`);
      }
      return hierarchyTest(indexed, written, values, p);
  }
  return { kind: 'parameter', indexed, modifier, values };
};

const requireDatatype = ({ datatypes, parameter }: IndexedParameter, datatype: string, name: string): void => {
  if (!datatypes.includes(datatype)) throw unknown(name, `${name.slice(0, 80)}: ${parameter.code} is no ${datatype}`);
};

/** Names that FHIR gives to what leads to the one above. */
const PARENT = new Set(['partof', 'part-of']);

const hierarchyTest = (indexed: IndexedParameter, { name, modifier }: Written, values: readonly string[], p: Parsing): Test => {
  const { targets } = indexed.parameter;
  const references = values.flatMap((text) => referencesOf(text, { name, modifier: undefined, targets, baseUrl: '' }));
  const types = new Set(references.filter(isLocalReference).map((reference) => reference.slice(0, reference.indexOf('/'))));
  const parent = [...types].flatMap((type) =>
    [...p.planOf(type).parameters.values()].filter(
      ({ parameter }) => PARENT.has(parameter.code) && parameter.targets.includes(type) && p.allowed(type, 's'),
    ),
  );
  if (parent.length === 0)
    throw unknown(name, `${name.slice(0, 80)}: no hierarchy of ${[...types].join(', ') || 'such resources'} is known that you may search`);
  return { kind: 'hierarchy', indexed, modifier: modifier as 'above' | 'below', references, parent };
};
