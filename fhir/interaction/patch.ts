/** Source: http://hl7.org/fhir/R4/http.html#patch */
import { missingScope } from '../../proto/access/scope.ts';
import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { parseIfMatch, requireMatch, requireNoneMatch } from '../http/preconditions.ts';
import { EditableJson } from '../json/editable.ts';
import { parsePatch } from '../patch/parse-patch.ts';
import type { Patch, PatchLimits } from '../patch/patch.ts';
import type { Server } from '../server.ts';
import { type Head, readHead } from '../store/head.ts';
import type { Db } from '../store/pool.ts';
import { resolveConditional } from './conditional-references.ts';
import { type Plan, planUpdate } from './plan.ts';
import { type Prepared, prepare } from './prepare.ts';
import { readProvenance } from './provenance.ts';
import { commit, untilCurrent, written } from './written.ts';

export const patchResource = async (server: Server, call: Call): Promise<Reply> => {
  const type = call.target.resourceType!;
  const id = call.target.id!;
  const patch = await patchOf(server, call, type);
  const provenance = await readProvenance(server, call);
  return untilCurrent(async () => {
    const head = await readHead(server.db, server.registry.typeId(type), id);
    const plan = await planPatchAlone(server, call, patch, { type, id, head });
    return written(server, call, plan, await commit(server, provenance(plan)));
  });
};

/** The patch that a call carries; throws 400 or 415 where it carries none that can be understood. */
export const patchOf = async (server: Server, call: Pick<Call, 'text' | 'header' | 'identity'>, type: string): Promise<Patch> =>
  readPatch(server, { text: await call.text(), contentType: call.header('content-type'), type, identity: call.identity });

export interface WrittenPatch {
  readonly text: string;
  readonly contentType: string | undefined;
  /** Of what is patched. */
  readonly type: string;
  /** Of the caller. */
  readonly identity: Call['identity'];
}

export const readPatch = (
  { registry, limits }: Server,
  { text, contentType, type, identity }: WrittenPatch,
  resolveAddress?: PatchLimits['resolveAddress'],
): Patch => {
  if (text.trim() === '')
    throw new FhirError('structure', 'the body is empty: send a JSON Patch, an XML Patch, or a Parameters resource with operations');
  // The letter u alone lets a client change what it can't see: what a patch answers must not tell it either.
  const requireRead = (at: string, what: string): void => {
    const missing = missingScope(identity.scopes, type, 'r');
    if (missing === undefined) return;
    const says = `${at}: ${what}, a patch needs the scope ${missing} as well, which your client doesn't have: ask the operator for it`;
    throw new FhirError('forbidden', says, { expression: at });
  };
  return parsePatch(text, contentType, { registry, resourceBytes: limits.resourceBytes, requireRead, resolveAddress });
};

interface Target {
  readonly type: string;
  readonly id: string;
  readonly head: Head | undefined;
}

/** The version that a patch makes of a resource, or no write where it changes nothing; throws 404 and 410 where there is nothing to patch. */
export const planPatch = (server: Server, call: Call, patch: Patch, target: Target): Plan => {
  const { prepared, head } = applied(server, call, patch, target);
  return planPatched(server, call, prepared, head);
};

/** The same for a patch outside of a transaction, which looks up on `db` what the conditional references lead to that it brings. */
export const planPatchAlone = async (
  server: Server,
  call: Call,
  patch: Patch,
  { db = server.db, ...target }: Target & { readonly db?: Db },
): Promise<Plan> => {
  const { prepared, head } = applied(server, call, patch, target);
  return planPatched(server, call, await resolveConditional(server, call, prepared, { db, before: head.body }), head);
};

const applied = (
  server: Server,
  call: Call,
  patch: Patch,
  { type, id, head }: Target,
): { readonly prepared: Prepared; readonly head: Head & { readonly body: string } } => {
  requireMatch(parseIfMatch(call.header('if-match')), head);
  requireNoneMatch(call.header('if-none-match'), head);
  if (head === undefined) throw new FhirError('not-found', `there is no ${type}/${id} to patch: create it by PUT`);
  const { body } = head;
  if (body === null) throw new FhirError('deleted', `${type}/${id} was deleted: bring it back by PUT`);
  const document = new EditableJson(body);
  patch(document);
  const { text } = document;
  if (text.length > server.limits.resourceBytes)
    throw new FhirError('too-large', `the patched resource is larger than ${server.limits.resourceBytes} bytes`);
  return { prepared: patched(server, text, type, id), head: { ...head, body } };
};

const planPatched = (server: Server, call: Call, prepared: Prepared, head: Head): Plan => {
  const plan = planUpdate(server, call, prepared, head);
  // Who may change a resource and not read it isn't shown what it holds besides the change.
  return missingScope(call.identity.scopes, prepared.type, 'r') === undefined ? plan : { ...plan, body: null };
};

const patched = (server: Server, text: string, type: string, id: string): Prepared => {
  const { members } = new EditableJson(text);
  for (const [element, is] of [
    ['resourceType', type],
    ['id', id],
  ] as const) {
    if (members.get(element)?.value !== is)
      throw new FhirError('unprocessable', `a patch can't change the ${element} of ${type}/${id}`, { expression: `${type}.${element}` });
  }
  try {
    return prepare(server, text, type);
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    const issues = error.issues.map((issue) => ({ ...issue, diagnostics: `the patched resource is not valid: ${issue.diagnostics}` }));
    throw new FhirError('unprocessable', `the patched resource is not valid: ${error.message}`, { issues, cause: error });
  }
};
