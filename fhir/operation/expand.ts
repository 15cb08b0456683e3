import { randomUUID } from 'node:crypto';
import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { fold } from '../search/parameter/string.ts';
import type { Server } from '../server.ts';
import { displayIn } from '../terminology/display.ts';
import { type ExpandedCode, expandValueSet, notLoaded } from '../terminology/expansion.ts';
import { isOfExcluded, pinVersions } from '../terminology/pinned-versions.ts';
import type { ValueSet } from '../terminology/resources.ts';
import type { Operation } from './operation.ts';
import { type ExpandRequest, parseExpand } from './expand-request.ts';
import { operationParameters } from './parameters.ts';
import { answerWith, askedValueSet } from './terminology-call.ts';

/** Codes of one answer; more have to be asked for page by page. */
const MAX_RETURNED = 10_000;

/** Each word of the filter begins a word of the code or of how it is called, whatever the case and the accents. */
const matchesText = (filter: string): ((code: ExpandedCode) => boolean) => {
  const words = fold(filter).split(/\s+/).filter(Boolean);
  return ({ code, display = '', designations }) => {
    const texts = [code, display, ...designations.map(({ value }) => value)].map(
      (text) => ` ${fold(text).replaceAll(/[^\p{L}\p{N}]+/gu, ' ')}`,
    );
    return words.every((word) => fold(code) === word || texts.some((text) => text.includes(` ${word}`)));
  };
};

const contained = (code: ExpandedCode, { isShown, language }: ExpandRequest): Record<string, unknown> => {
  const display = displayIn(code.display, code.designations, language);
  const designation = code.designations.filter(isShown);
  return {
    system: code.system,
    ...(code.isAbstract && { abstract: true }),
    ...(code.isInactive && { inactive: true }),
    ...(code.version !== undefined && { version: code.version }),
    code: code.code,
    ...(display !== undefined && { display }),
    ...(designation.length > 0 && { designation }),
  };
};

/** Each code below the nearest one above it that is in the value set too. */
const nest = (codes: readonly ExpandedCode[], wanted: ExpandRequest): object[] => {
  const made = new Map(codes.map((code) => [`${code.system} ${code.code}`, contained(code, wanted)]));
  const top: object[] = [];
  for (const { system, code, node } of codes) {
    const own = made.get(`${system} ${code}`)!;
    const parent = node?.parents.map((each) => made.get(`${system} ${each}`)).find((each) => each !== undefined);
    if (parent === undefined || parent === own) top.push(own);
    else ((parent['contains'] ??= []) as object[]).push(own);
  }
  return top;
};

const expansionOf = (valueSet: ValueSet, all: readonly ExpandedCode[], wanted: ExpandRequest): object => {
  const matches = wanted.filter === undefined ? undefined : matchesText(wanted.filter);
  const codes = all.filter(
    (code) =>
      !(wanted.activeOnly && code.isInactive) &&
      !(wanted.forChoice && code.isAbstract) &&
      !isOfExcluded(code, wanted.versions.exclude) &&
      (matches === undefined || matches(code)),
  );
  const page = codes.slice(wanted.offset, wanted.count === undefined ? undefined : wanted.offset + wanted.count);
  if (page.length > MAX_RETURNED) {
    throw new FhirError(
      'too-costly',
      `the value set has ${codes.length} codes: narrow it by filter, or ask for ${MAX_RETURNED} at a time by count and offset`,
    );
  }
  const parameter = [
    ...wanted.told,
    ...[...new Set(codes.map(({ system, version }) => (version === undefined ? system : `${system}|${version}`)))]
      .slice(0, 50)
      .map((version) => ({ name: 'version', valueUri: version })),
  ];
  const contains = wanted.nested ? nest(page, wanted) : page.map((code) => contained(code, wanted));
  const { url, version, name, title, status = 'active', compose } = valueSet;
  return {
    resourceType: 'ValueSet',
    ...(url !== undefined && { url }),
    ...(version !== undefined && { version }),
    ...(name !== undefined && { name }),
    ...(title !== undefined && { title }),
    status,
    ...(wanted.withDefinition && compose !== undefined && { compose }),
    expansion: {
      identifier: `urn:uuid:${randomUUID()}`,
      timestamp: new Date().toISOString(),
      total: codes.length,
      ...(wanted.offset > 0 || wanted.count !== undefined ? { offset: wanted.offset } : {}),
      ...(parameter.length > 0 && { parameter }),
      ...(contains.length > 0 && { contains }),
    },
  };
};

const run = async (server: Server, call: Call): Promise<Reply> => {
  const parameters = await operationParameters(call);
  const wanted = parseExpand(call, parameters, Date.now());
  const { pin, pinned } = pinVersions(wanted.versions);
  const { resource, source } = await askedValueSet(server, call, parameters, { pin, pinned });
  // Of codes that a value set lists the code system isn't looked at, and any version would do.
  for (const system of pinned)
    if (source.codeSystem(system) === undefined) throw notLoaded(`the code system ${system.slice(0, 200)} is not loaded`);
  return answerWith(server, call, expansionOf(resource, expandValueSet(resource, source), wanted));
};

/** The codes of a value set. Source: http://hl7.org/fhir/R4/valueset-operation-expand.html */
export const expand: Operation = {
  name: '$expand',
  definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-expand',
  levels: ['type', 'instance'],
  types: ['ValueSet'],
  isRead: true,
  scopes: () => [{ resourceType: 'ValueSet', letter: 'r' }],
  run,
};
