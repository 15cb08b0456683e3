/** What the operations on value sets and code systems have in common: what they are asked with, and about what. */
import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import { createEffort, type Effort } from '../terminology/effort.ts';
import { notLoaded } from '../terminology/expansion.ts';
import { withGrammars } from '../terminology/grammar.ts';
import { incomplete, knownNode } from '../terminology/membership.ts';
import type { Pinning } from '../terminology/pinned-versions.ts';
import type { CodeSystem, TerminologyResource, TerminologySource, ValueSet } from '../terminology/resources.ts';
import type { Access } from '../terminology/terminology.ts';
import { type OperationParameter, textParameter } from './parameters.ts';

export type Parameters = readonly OperationParameter[];

/** Parameters that concern the form of the answer alone. */
const OF_EVERY_CALL = new Set(['_format', '_pretty']);

/** Throws 400 where one is given that isn't in the list: leaving it out could change the answer, which the client may prefer to a refusal. */
export const requireKnown = ({ prefer }: Pick<Call, 'prefer'>, parameters: Parameters, names: readonly string[]): void => {
  if (prefer.lenient) return;
  for (const { name } of parameters) {
    if (names.includes(name) || OF_EVERY_CALL.has(name)) continue;
    throw new FhirError('not-supported', `this operation has no parameter ${name.slice(0, 60)} here: it has ${names.join(', ')}`, {
      expression: `http.${name.slice(0, 60)}`,
    });
  }
};

export const booleanParameter = (parameters: Parameters, name: string): boolean | undefined => {
  const value = parameters.find((each) => each.name === name)?.value;
  if (value === undefined || typeof value === 'boolean') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new FhirError('value', `the parameter ${name} is true or false`, { expression: `http.${name}` });
};

export const countParameter = (parameters: Parameters, name: string): number | undefined => {
  const value = parameters.find((each) => each.name === name)?.value;
  if (value === undefined) return undefined;
  // One beyond an integer of FHIR asks for no more than the greatest one.
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Math.min(Number(value), 2_147_483_647) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0) return number;
  throw new FhirError('value', `the parameter ${name} is a whole number from 0`, { expression: `http.${name}` });
};

/** How often a parameter that may be repeated is taken. */
const MAX_REPEATED = 50;

/** The texts of a parameter that may be given several times. */
export const textParameters = (parameters: Parameters, name: string): readonly string[] => {
  const given = parameters.filter((each) => each.name === name);
  if (given.length > MAX_REPEATED)
    throw new FhirError('too-costly', `the parameter ${name} is given ${given.length} times: ${MAX_REPEATED} are the most`);
  return given.map(({ value }) => {
    if (typeof value === 'string' && value !== '') return value;
    throw new FhirError('value', `the parameter ${name} is a text`, { expression: `http.${name}` });
  });
};

export interface GivenCoding {
  readonly system: string | undefined;
  readonly version: string | undefined;
  readonly code: string;
  readonly display: string | undefined;
}

const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const codingOf = (value: unknown, name: string): GivenCoding => {
  const { system, version, code, display } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof code !== 'string')
    throw new FhirError('value', `the parameter ${name} is a Coding with a code`, { expression: `http.${name}` });
  return { code, system: asText(system), version: asText(version), display: asText(display) };
};

export const codingParameter = (parameters: Parameters, name: string): GivenCoding | undefined => {
  const given = parameters.find((each) => each.name === name);
  return given && codingOf(given.value, name);
};

/** The codings of a CodeableConcept that is given, none where it is a text alone; undefined where no concept is given. */
export const conceptParameter = (parameters: Parameters, name: string): GivenCoding[] | undefined => {
  const given = parameters.find((each) => each.name === name);
  if (given === undefined) return undefined;
  const { coding, text } = (given.value ?? {}) as { coding?: unknown; text?: unknown };
  if (coding === undefined && typeof text === 'string') return [];
  if (!Array.isArray(coding) || coding.length === 0) {
    throw new FhirError('value', `the parameter ${name} is a CodeableConcept with codings`, { expression: `http.${name}` });
  }
  return coding.map((each) => codingOf(each, name));
};

const efforts = new WeakMap<Call, Effort>();
/** However often one call asks. */
const effortOf = (call: Call): Effort => {
  let effort = efforts.get(call);
  if (effort === undefined) efforts.set(call, (effort = createEffort()));
  return effort;
};

export const accessOf = ({ db }: Pick<Server, 'db'>, call: Call): Access => ({
  db,
  effort: effortOf(call),
  allow: (type) => requireScope(call.identity, type, 'r'),
});

/** Throws 400 where a resource that was sent isn't one. */
export const sentResource = (
  { validator }: Server,
  parameters: Parameters,
  name: string,
  type: string,
): TerminologyResource | undefined => {
  const resource =
    parameters.find((each) => each.name === name)?.resource ??
    parameters.find((each) => each.name === 'resource' && each.resource?.['resourceType'] === type)?.resource;
  if (resource === undefined) return undefined;
  if (resource['resourceType'] !== type)
    throw new FhirError('invalid', `the parameter ${name} is a ${type}`, { expression: `http.${name}` });
  const [error] = validator.validate(resource, type);
  if (error !== undefined) throw new FhirError('structure', error.diagnostics, { expression: error.expression });
  return resource as unknown as TerminologyResource;
};

export const stored = async (server: Server, { resourceType, id }: Call['target']): Promise<TerminologyResource> => {
  const head = await readHead(server.db, server.registry.typeId(resourceType!), id!);
  if (head === undefined || head.body === null) throw new FhirError(head ? 'deleted' : 'not-found', `there is no ${resourceType}/${id}`);
  return JSON.parse(head.body) as TerminologyResource;
};

export const versioned = (url: string, version: string | undefined): string =>
  version === undefined || url.includes('|') ? url : `${url}|${version}`;

export interface Asked<T extends TerminologyResource> {
  readonly resource: T;
  /** What the answer may need besides. */
  readonly source: TerminologySource;
}

/** Throws 400 where an instance is asked, and another resource named besides. */
const requireSame = (call: Call, parameters: Parameters, names: Readonly<Record<string, string | undefined>>): void => {
  if (call.target.id === undefined) return;
  const other = parameters.find(({ name, value }) => Object.hasOwn(names, name) && (value === undefined || value !== names[name]));
  if (other === undefined) return;
  const says = `${call.target.resourceType}/${call.target.id} is asked already: leave ${other.name} out`;
  throw new FhirError('invalid', says, { expression: `http.${other.name}` });
};

/**
 * The value set that is named by instance, resource or url, with the versions that are pinned; throws 400 where none is, 422 where it
 * isn't known.
 */
export const askedValueSet = async (server: Server, call: Call, parameters: Parameters, pinning?: Pinning): Promise<Asked<ValueSet>> => {
  const access = accessOf(server, call);
  const reach = (valueSet: string | ValueSet): Promise<TerminologySource> =>
    server.terminology.reach(access, { valueSets: [valueSet], ...(pinning && { as: pinning.pin }) });
  const url = textParameter(parameters, 'url');
  const given = call.target.id === undefined ? sentResource(server, parameters, 'valueSet', 'ValueSet') : await stored(server, call.target);
  if (given !== undefined) {
    const resource = given as ValueSet;
    requireSame(call, parameters, { url: resource.url, valueSetVersion: resource.version, valueSet: undefined, resource: undefined });
    return { source: await reach(resource), resource: pinning?.pin(resource) ?? resource };
  }
  if (url === undefined) throw new FhirError('invalid', 'name a value set: give the parameter url or valueSet', { expression: 'http.url' });
  const canonical = versioned(url, textParameter(parameters, 'valueSetVersion'));
  const source = await reach(canonical);
  const resource = source.valueSet(canonical);
  if (resource === undefined) throw notLoaded(`the value set ${canonical.slice(0, 200)} is not loaded`);
  return { resource, source };
};

/**
 * The code system that is named; throws 400 where none is, 422 where it isn't known, or isn't there with all of its concepts nor with one of
 * the `codes`.
 */
export const askedCodeSystem = async (
  server: Server,
  call: Call,
  {
    parameters,
    names,
    codings = [],
    codes,
  }: {
    readonly parameters: Parameters;
    readonly names: readonly string[];
    readonly codings?: readonly (GivenCoding | undefined)[];
    /** Where it matters of these alone whether it has them. */
    readonly codes?: readonly string[];
  },
): Promise<CodeSystem> => {
  const version = versionOf(parameters, codings);
  const given =
    call.target.id === undefined ? sentResource(server, parameters, 'codeSystem', 'CodeSystem') : await stored(server, call.target);
  const url =
    names.map((name) => textParameter(parameters, name)).find((value) => value !== undefined) ??
    codings.find((each) => each?.system !== undefined)?.system;
  let found = given as CodeSystem | undefined;
  if (found === undefined) {
    if (url === undefined)
      throw new FhirError('invalid', `name a code system: give the parameter ${names[0]}`, { expression: `http.${names[0]}` });
    const canonical = versioned(url, version);
    const source = await server.terminology.reach(accessOf(server, call), { codeSystems: [canonical] });
    found = (codes === undefined ? source : withGrammars(source, codes)).codeSystem(canonical);
    if (found === undefined) throw notLoaded(incomplete(canonical, found));
  }
  const isThere = (code: string): boolean => knownNode(found, code) !== undefined;
  if (found.content !== 'complete' && codes?.some(isThere) !== true) throw notLoaded(incomplete(found.url ?? 'that was given', found));
  if (version !== undefined && given !== undefined && found.version !== version)
    throw notLoaded(
      `the code system ${String(found.url).slice(0, 200)} that is asked has the version ${found.version ?? 'of no name'}, not ${version.slice(0, 60)}`,
    );
  return found;
};

/** The one version of the code system that is asked for; throws 400 where there are several. */
const versionOf = (parameters: Parameters, codings: readonly (GivenCoding | undefined)[]): string | undefined => {
  const all = new Set([textParameter(parameters, 'version'), ...codings.map((each) => each?.version)]);
  const [one, other] = [...all].filter((each) => each !== undefined);
  if (other === undefined) return one;
  throw new FhirError('invalid', `two versions of the code system are named, ${one!.slice(0, 60)} and ${other.slice(0, 60)}: name one`, {
    expression: 'http.version',
  });
};

export const answerWith = async (server: Server, call: Call, resource: object): Promise<Reply> => {
  const { resourceType, id } = call.target;
  const audited = await record(server.outbox, call, { status: 200, resource: id === undefined ? undefined : `${resourceType}/${id}` });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: JSON.stringify(resource), audited };
};

export const parametersResource = (parameter: readonly object[]): object => ({ resourceType: 'Parameters', parameter });
