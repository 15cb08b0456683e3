/** The resources of a document, read from the store. */
import { missingScope } from '../../proto/access/scope.ts';
import type { Identity } from '../http/identity.ts';
import { requireScope } from '../http/identity.ts';
import { FhirError, type Issue } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { readHead, readVersion } from '../store/head.ts';
import { readReferenced } from './compartment-page.ts';
import { type Referenced, referencesIn, requiredBy, type Target, targetOf } from './document-references.ts';

export interface Part {
  readonly type: string;
  readonly id: string;
  readonly body: string;
}

const MAX_PARTS = 1000;
const MAX_BYTES = 16 << 20;
/** Versions that are asked for one by one. */
const MAX_VERSIONS = 100;
/** From what a section holds: a list, its items, their specimens. */
const MAX_ROUNDS = 5;

const nameOf = ({ type, id, version }: Target): string => `${type}/${id}${version === undefined ? '' : `/_history/${version}`}`;
const tooMuch = (): FhirError =>
  new FhirError(
    'too-costly',
    `a document has ${MAX_PARTS} resources and ${MAX_BYTES >> 20} MB at most, and this Composition refers to more`,
  );

/** The parts so far, by name; those of the Composition's own references come first. */
type Parts = Map<string, Part>;

const readInto = async ({ registry, db }: Server, parts: Parts, wanted: readonly Target[]): Promise<void> => {
  const fresh = new Map(wanted.filter((target) => !parts.has(nameOf(target))).map((target) => [nameOf(target), target]));
  if (parts.size + fresh.size > MAX_PARTS) throw tooMuch();
  const bytes = [...parts.values()].reduce((sum, { body }) => sum + body.length, 0);
  const current = [...fresh.values()].filter(({ version }) => version === undefined);
  const old = [...fresh.values()].filter(({ version }) => version !== undefined);
  const rows = await readReferenced(
    db,
    current.map(({ type, id }) => ({ typeId: registry.typeId(type), id })),
    MAX_BYTES - bytes,
  );
  if (rows === undefined || old.length > MAX_VERSIONS) throw tooMuch();
  const found = new Map(rows.map(({ type, id, body }) => [`${registry.typeName(type)}/${id}`, body]));
  for (const { type, id, version } of old) {
    const head = await readHead(db, registry.typeId(type), id);
    const body = head && (await readVersion(db, head, version!))?.body;
    if (typeof body === 'string') found.set(nameOf({ type, id, version }), body);
  }
  // In the order in which they are referred to.
  for (const [name, { type, id }] of fresh) {
    const body = found.get(name);
    if (body !== undefined) parts.set(name, { type, id, body });
  }
  if ([...parts.values()].reduce((sum, { body }) => sum + body.length, 0) > MAX_BYTES) throw tooMuch();
};

const isType = ({ registry }: Server, { type }: Target): boolean => registry.isResourceType(type);

const missing = ({ reference, at }: Referenced, target: Target | undefined): Issue => ({
  severity: 'error',
  code: 'not-found',
  diagnostics:
    target === undefined
      ? `${reference.slice(0, 200)} lies on no address of this server: a document holds all that its Composition refers to`
      : `${reference.slice(0, 200)} is not there: a document holds all that its Composition refers to`,
  expression: at,
});

/** Found on the way from the sections' content; what isn't there, or isn't for the caller, is left out: the Composition doesn't need it. */
const follow = async (server: Server, parts: Parts, { scopes }: Identity, from: readonly Part[]): Promise<void> => {
  let texts = from;
  for (let round = 0; round < MAX_ROUNDS && texts.length > 0; round++) {
    const targets = texts
      .flatMap(({ body }) => referencesIn(JSON.parse(body)))
      .flatMap((reference) => targetOf(reference, server.baseUrl) ?? [])
      // Another patient has no place in the document of one, if the Composition doesn't say so.
      .filter((target) => isType(server, target) && target.type !== 'Patient' && missingScope(scopes, target.type, 'r') === undefined);
    const before = new Set(parts.keys());
    await readInto(server, parts, targets);
    texts = [...parts].filter(([name]) => !before.has(name)).map(([, part]) => part);
  }
};

/**
 * All that a Composition refers to, and what its sections' content refers to in turn. Throws 403 where the caller may not read a type that
 * the Composition refers to, 422 with an issue for each of its references that leads nowhere.
 */
export const contentOf = async (
  server: Server,
  identity: Identity,
  composition: Readonly<Record<string, unknown>>,
): Promise<readonly Part[]> => {
  const required = requiredBy(composition)
    // What the Composition itself contains is in it already.
    .filter(({ reference }) => !reference.startsWith('#'))
    .map((each) => ({ each, target: targetOf(each.reference, server.baseUrl) }));
  const targets = required.flatMap(({ target }) => (target !== undefined && isType(server, target) ? [target] : []));
  for (const { type } of targets) requireScope(identity, type, 'r');
  const parts: Parts = new Map();
  await readInto(server, parts, targets);
  const issues = required
    .filter(({ target }) => target === undefined || !parts.has(nameOf(target)))
    .map(({ each, target }) => missing(each, target));
  if (issues.length > 0)
    throw new FhirError('unprocessable', 'the Composition refers to what is not here', { issues: issues.slice(0, MAX_ISSUES) });
  const entries = new Set(required.flatMap(({ each, target }) => (each.isEntry && target !== undefined ? [nameOf(target)] : [])));
  await follow(
    server,
    parts,
    identity,
    [...parts].filter(([name]) => entries.has(name)).map(([, part]) => part),
  );
  return [...parts.values()];
};

const MAX_ISSUES = 100;
