/** Some lines of a file, stored as if each had come by an update of its own. */
import { createHash } from 'node:crypto';
import type { Identity } from '../../http/identity.ts';
import { requireScope } from '../../http/identity.ts';
import { FhirError } from '../../http/outcome.ts';
import { resolveConditional } from '../../interaction/conditional-references.ts';
import { type Plan, planCreate, planUpdate } from '../../interaction/plan.ts';
import { parseBody, type Prepared, requireValid } from '../../interaction/prepare.ts';
import { conditionalFinder } from '../../interaction/references.ts';
import { commit, untilCurrent } from '../../interaction/written.ts';
import { isObject } from '../../json/value.ts';
import type { Server } from '../../server.ts';
import { asFhirError, isRefusal, isRetryable } from '../../store/errors.ts';
import { readHeads } from '../../store/head.ts';
import type { Line } from './import-file.ts';

export interface ImportContext {
  readonly server: Server;
  readonly identity: Identity;
  readonly requestId: string;
  readonly job: string;
  readonly file: string;
  readonly type: string | undefined;
}

export interface Imported {
  /** Stored resources, by type; those that were there already like that count too. */
  readonly stored: Readonly<Record<string, number>>;
  readonly errors: readonly { readonly line: number; readonly error: FhirError }[];
}

interface PreparedLine {
  readonly line: number;
  readonly prepared: Prepared;
  readonly id: string;
  /** Number for a new resource key. */
  readonly n: number;
}

/** The same for the same line of the same job: a batch that is done again finds what it has stored. */
const idOfLine = ({ job, file }: ImportContext, line: number): string => {
  const hex = createHash('sha256').update(`${job}\n${file}\n${line}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

const prepareLine = (context: ImportContext, { number, text }: Line, n: number): PreparedLine => {
  const { server, identity, type: expected } = context;
  if (text === undefined) {
    throw new FhirError('structure', `the line is no UTF-8, or longer than ${server.limits.resourceBytes} bytes`);
  }
  const value = parseBody(text);
  const type = isObject(value) ? value['resourceType'] : undefined;
  if (typeof type !== 'string' || !server.registry.isResourceType(type)) throw new FhirError('invalid', 'the line is no FHIR R4 resource');
  if (expected !== undefined && type !== expected)
    throw new FhirError('invalid', `the line is a ${type}, but the file was said to hold ${expected}`);
  const given = (value as { id?: unknown }).id;
  requireScope(identity, type, given === undefined ? 'c' : 'u');
  const prepared = { type, text, resource: requireValid(server, value, type, { text }) };
  return { line: number, prepared, id: typeof given === 'string' ? given : idOfLine(context, number), n };
};

/** Stores what is valid of some lines; throws only where nothing can be said of a line, since the database has failed. */
export const importLines = async (context: ImportContext, lines: readonly Line[]): Promise<Imported> => {
  const { server } = context;
  const errors: { line: number; error: FhirError }[] = [];
  const stored: Record<string, number> = {};
  const numbers = await server.rids.take(lines.length);
  const referencesOf = conditionalFinder();
  let group = new Map<string, PreparedLine>();
  const flush = async (): Promise<void> => {
    const all = [...group.values()];
    group = new Map();
    for (const { line, error } of await storeLines(context, all)) errors.push({ line, error });
    const failed = new Set(errors.map(({ line }) => line));
    for (const { line, prepared } of all) if (!failed.has(line)) stored[prepared.type] = (stored[prepared.type] ?? 0) + 1;
  };
  for (const [i, line] of lines.entries()) {
    if (line.text?.trim() === '') continue;
    try {
      const sent = prepareLine(context, line, numbers[i]!);
      // What a conditional reference looks for may be among the lines before.
      const wanted = new Set([...referencesOf(sent.prepared.text).values()].map(({ type }) => type));
      if (group.values().some(({ prepared }) => wanted.has(prepared.type))) await flush();
      const prepared = { ...sent, prepared: await resolveConditional(server, context, sent.prepared) };
      const name = `${prepared.prepared.type}/${prepared.id}`;
      // Two lines about one resource are two versions, one after the other.
      if (group.has(name)) await flush();
      group.set(name, prepared);
    } catch (error) {
      if (!(error instanceof FhirError)) throw error;
      errors.push({ line: line.number, error });
    }
  }
  if (group.size > 0) await flush();
  return { stored, errors };
};

const storeLines = async (context: ImportContext, lines: readonly PreparedLine[]): Promise<Imported['errors']> => {
  try {
    await untilCurrent(async () => {
      await commit(context.server, await planLines(context, lines));
    });
    return [];
  } catch (error) {
    const known = error instanceof FhirError ? error : isRefusal(error) || isRetryable(error) ? refusalOf(error) : undefined;
    if (known === undefined || known.status === 503) throw error;
    if (lines.length === 1) return [{ line: lines[0]!.line, error: known }];
    // One of them can't be stored: each on its own shows which.
    const errors: { line: number; error: FhirError }[] = [];
    for (const each of lines) errors.push(...(await storeLines(context, [each])));
    return errors;
  }
};

const refusalOf = (error: unknown): FhirError => asFhirError(error) ?? new FhirError('unprocessable', 'the database refuses this resource');

const planLines = async ({ server, identity, requestId }: ImportContext, lines: readonly PreparedLine[]): Promise<Plan[]> => {
  const typeId = ({ prepared }: PreparedLine): number => server.registry.typeId(prepared.type);
  const heads = await readHeads(
    server.db,
    lines.map((line) => ({ typeId: typeId(line), id: line.id })),
  );
  return lines.map((line) => {
    const { prepared, id, n } = line;
    const caller = { identity, requestId, target: { interaction: 'update', class: 'bulk', resourceType: prepared.type, id } as const };
    const head = heads.get(`${typeId(line)}/${id}`);
    return head === undefined ? planCreate(server, caller, prepared, id, n) : planUpdate(server, caller, prepared, head);
  });
};
