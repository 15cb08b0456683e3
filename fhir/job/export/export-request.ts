/** What $export is asked with. Source: http://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters */
import { missingScope, type ScopeSet } from '../../../proto/access/scope.ts';
import type { Registry } from '../../definitions/registry.ts';
import { requireScope } from '../../http/identity.ts';
import type { Identity } from '../../http/identity.ts';
import { FhirError } from '../../http/outcome.ts';
import type { OperationParameter } from '../../operation/parameters.ts';
import { type Selection, selectionOf } from '../../presentation/selection.ts';
import { dateInterval } from '../../search/parameter/date.ts';
import { isControl } from '../../search/controls.ts';
import { decodeQuery } from '../../search/parse.ts';
import { canonicalReference } from '../../search/parameter/reference.ts';
import type { Server } from '../../server.ts';
import type { Requester } from '../job.ts';
import { isOfPatients, isReferred } from './of-patients.ts';
import { PROVENANCE } from './provenance.ts';

export type ExportLevel = 'system' | 'patient' | 'group';

export interface ExportQuestion {
  readonly types: readonly string[];
  /** In an export of patients, types of which those come along that something of the patients refers to. Jobs of older releases have none. */
  readonly referred?: readonly string[] | undefined;
  readonly sinceMs: number | undefined;
  /** Exclusive. */
  readonly untilMs?: number | undefined;
  /** The Provenances of each resource that is exported: all of them, or those recorded last. Without it those of a patient's compartment. */
  readonly provenances?: 'all' | 'last' | undefined;
  /** Of each type, criteria of which a resource meets at least one. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
  /** Names as in `_elements`, such as Patient.name or id; undefined: all of each resource. */
  readonly elements?: readonly string[] | undefined;
  /** Ids; undefined: all patients. */
  readonly patients: readonly string[] | undefined;
  /** What was left out on the client's wish, for the manifest's errors. */
  readonly warnings: readonly string[];
}

/** A job's request. */
export interface ExportRequest extends ExportQuestion {
  readonly level: ExportLevel;
  readonly url: string;
  readonly requester: Requester;
}

/** includeAssociatedData, the one that brings more after the other. */
const ASSOCIATED = new Map<string, ExportQuestion['provenances']>([
  ['LatestProvenanceResources', 'last'],
  ['RelevantProvenanceResources', 'all'],
]);
const FORMATS = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson']);
const SHAPING = new Set(['_format', '_pretty']);
const MAX_FILTERS = 50;

/** Bulk reading finds and reads. */
export const mayExport = (scopes: ScopeSet, type: string): boolean =>
  missingScope(scopes, type, 'r') === undefined && missingScope(scopes, type, 's') === undefined;

const wrong = (name: string, diagnostics: string): FhirError => new FhirError('value', diagnostics, { expression: `http.${name}` });

const textOf = ({ name, value }: OperationParameter): string => {
  const { reference, code } = (value ?? {}) as { reference?: unknown; code?: unknown };
  const text = typeof value === 'object' ? (reference ?? code) : value;
  if (typeof text !== 'string' || text === '') throw wrong(name, `the parameter ${name} has no value`);
  return text;
};

/** Throws 400 naming what is unknown or malformed, 403 naming the scope that a type needs. */
export const parseExport = (
  server: Server,
  parameters: readonly OperationParameter[],
  { level, identity, lenient }: { readonly level: ExportLevel; readonly identity: Identity; readonly lenient: boolean },
): ExportQuestion => {
  const { registry } = server;
  const warnings: string[] = [];
  const leaveOut = (name: string, diagnostics: string): void => {
    if (!lenient) throw new FhirError('not-supported', diagnostics, { expression: `http.${name}` });
    warnings.push(`${diagnostics} (left out)`);
  };
  const wanted: string[] = [];
  const filters: Record<string, string[]> = {};
  const patients: string[] = [];
  const elements: string[] = [];
  let sinceMs: number | undefined;
  let untilMs: number | undefined;
  let provenances: ExportQuestion['provenances'];
  for (const parameter of parameters) {
    const { name } = parameter;
    if (SHAPING.has(name)) continue;
    switch (name) {
      case '_outputFormat':
        if (!FORMATS.has(textOf(parameter).replace('fhir ndjson', 'fhir+ndjson')))
          throw wrong(name, `_outputFormat=${textOf(parameter).slice(0, 60)} can't be written: use application/fhir+ndjson`);
        break;
      case '_since':
        if (sinceMs !== undefined) throw wrong(name, '_since is given twice: give it once');
        sinceMs = instantOf(name, textOf(parameter));
        break;
      case '_until':
        if (untilMs !== undefined) throw wrong(name, '_until is given twice: give it once');
        untilMs = instantOf(name, textOf(parameter));
        break;
      case 'includeAssociatedData':
        for (const associated of textOf(parameter).split(',')) {
          const found = ASSOCIATED.get(associated);
          if (found === undefined)
            leaveOut(
              name,
              `includeAssociatedData=${associated.slice(0, 60)} is not known here: use ${[...ASSOCIATED.keys()].join(' or ')}`,
            );
          else if (provenances !== 'all') provenances = found;
        }
        break;
      case '_type':
        for (const type of textOf(parameter).split(',')) if (type !== '') wanted.push(type);
        break;
      case '_typeFilter':
        for (const filter of splitFilters(textOf(parameter))) addFilter(server, filter, identity, filters);
        break;
      case '_elements':
        elements.push(...textOf(parameter).split(','));
        selectionOfElements(registry, elements, lenient);
        break;
      case 'patient':
        if (level === 'system') throw wrong(name, 'patient belongs to an export of patients: Patient/$export or Group/<id>/$export');
        patients.push(idOf(textOf(parameter), server.baseUrl));
        break;
      default:
        leaveOut(
          name,
          `${name.slice(0, 60)} is no parameter that this $export knows: use _outputFormat, _since, _until, _type, _typeFilter, _elements, includeAssociatedData or patient`,
        );
    }
  }
  const types: string[] = [];
  const referred: string[] = [];
  for (const type of wanted) {
    if (!registry.isResourceType(type)) throw wrong('_type', `_type=${type.slice(0, 60)} names no FHIR R4 resource type`);
    if (level === 'system' || isOfPatients(registry, type)) types.push(type);
    else if (isReferred(registry, type)) referred.push(type);
    else leaveOut('_type', `_type=${type}: a ${type} belongs to no patient: export it by /$export`);
    requireScope(identity, type, 'r');
    requireScope(identity, type, 's');
  }
  if (provenances !== undefined && wanted.length > 0) types.push(PROVENANCE);
  if (provenances !== undefined) for (const letter of ['r', 's'] as const) requireScope(identity, PROVENANCE, letter);
  const unused = wanted.length === 0 ? undefined : Object.keys(filters).find((type) => !wanted.includes(type) && !types.includes(type));
  if (unused !== undefined) leaveOut('_typeFilter', `_typeFilter=${unused}?…: _type doesn't ask for ${unused}: name it there too`);
  const all = registry.resourceTypes.filter((type) => mayExport(identity.scopes, type));
  const isAll = wanted.length === 0;
  return {
    types: isAll ? all.filter((type) => level === 'system' || isOfPatients(registry, type)) : [...new Set(types)],
    referred: isAll ? all.filter((type) => level !== 'system' && isReferred(registry, type)) : [...new Set(referred)],
    sinceMs,
    untilMs,
    provenances,
    filters,
    elements: elements.length > 0 ? elements : undefined,
    patients: patients.length > 0 ? [...new Set(patients)] : undefined,
    warnings,
  };
};

/** What of each resource is written; throws 400 naming an element that there isn't, but for a lenient client. */
export const selectionOfElements = (registry: Registry, elements: readonly string[] | undefined, lenient: boolean): Selection | undefined =>
  elements &&
  selectionOf(registry, { type: undefined, query: `_elements=${encodeURIComponent(elements.join(','))}`, lenient, isList: false });

/** With seconds and a time zone: a date alone would mean another moment in each. */
const INSTANT = /T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

const instantOf = (name: string, text: string): number => {
  const written = text.replace(' ', '+');
  const found = INSTANT.test(written) ? dateInterval(written) : undefined;
  if (found === undefined) throw wrong(name, `${name}=${text.slice(0, 40)} is no instant, such as 2024-01-31T10:00:00Z`);
  return found.lo;
};

const idOf = (reference: string, baseUrl: string): string => {
  const id = /^(?:Patient\/)?([A-Za-z0-9\-.]{1,64})$/.exec(canonicalReference(reference, baseUrl))?.[1];
  if (id === undefined) throw wrong('patient', `patient=${reference.slice(0, 60)} is no reference to a patient, such as Patient/1`);
  return id;
};

// Several queries may stand in one parameter, separated by commas; within a query a comma separates values.
const splitFilters = (text: string): string[] => text.split(/,(?=[A-Z][A-Za-z]+\?)/);

const addFilter = (server: Server, text: string, { scopes }: Identity, filters: Record<string, string[]>): void => {
  const [, type, criteria] = /^([A-Z][A-Za-z]+)\?(.+)$/.exec(text) ?? [];
  if (type === undefined || criteria === undefined || !server.registry.isResourceType(type))
    throw wrong('_typeFilter', `_typeFilter=${text.slice(0, 60)} is no search of a type, such as Observation?status=final`);
  const shaping = decodeQuery(criteria).find(([name]) => isControl(name))?.[0];
  if (shaping !== undefined)
    throw wrong(
      '_typeFilter',
      `_typeFilter=${type}?…${shaping.slice(0, 40)}: it shapes the result of a search and is no criterion: leave it out`,
    );
  if (Object.values(filters).flat().length >= MAX_FILTERS)
    throw new FhirError('too-costly', `an export takes ${MAX_FILTERS} filters at most`);
  server.search.check(type, criteria, (each, letter) => missingScope(scopes, each, letter) === undefined);
  (filters[type] ??= []).push(criteria);
};
