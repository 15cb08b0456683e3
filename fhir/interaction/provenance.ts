/**
 * X-Provenance: a Provenance that comes with a write, in a header, and is stored with it. Its target is the version that the write makes.
 * Source: http://hl7.org/fhir/R4/provenance.html#header
 */
import { classify, type Interaction } from '../../proto/access/interaction.ts';
import type { Call } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FhirError } from '../http/outcome.ts';
import { EditableJson } from '../json/editable.ts';
import { isObject } from '../json/value.ts';
import type { Server } from '../server.ts';
import { newLogicalId } from '../store/logical-id.ts';
import { resolveConditional } from './conditional-references.ts';
import { type Plan, planCreate } from './plan.ts';
import { parseBody, type Prepared, requireValid } from './prepare.ts';

const HEADER = 'x-provenance';
const NAME = 'X-Provenance';
const TYPE = 'Provenance';
const TAKEN = new Set<Interaction>(['create', 'update', 'patch', 'conditional-update', 'conditional-patch']);

/** The plan of a write, and with it that of its Provenance; alone where there is none, or where the write changes nothing. */
export type WithProvenance = (plan: Plan) => readonly Plan[];

const ALONE: WithProvenance = (plan) => [plan];

const refused = (says: string, kind: 'invalid' | 'structure' | 'not-supported' = 'invalid'): FhirError =>
  new FhirError(kind, `${NAME}: ${says}`, { expression: `http.${NAME}` });

/** Throws 400 where a Provenance is sent with what makes no version, or several. */
export const refuseStrayProvenance = ({ header, target }: Pick<Call, 'header' | 'target'>): void => {
  if (header(HEADER) === undefined || TAKEN.has(target.interaction)) return;
  const says =
    target.interaction === 'batch'
      ? 'of which entry it is isn’t said: make it an entry of its own, with the fullUrl of the other as its target'
      : 'a Provenance goes with a create, update or patch: store this one by itself';
  throw refused(says, 'not-supported');
};

/** Throws 400 on what is no Provenance, or says itself of what it is, 403 unless the caller may create one, and what its references may. */
export const readProvenance = async (server: Server, call: Call): Promise<WithProvenance> => {
  const written = call.header(HEADER);
  if (written === undefined) return ALONE;
  requireScope(call.identity, TYPE, 'c');
  const prepared = await resolveConditional(server, call, prepare(server, written, call.target.resourceType!));
  const [n] = await server.rids.take(1);
  const id = newLogicalId();
  const caller = { ...call, target: classify('POST', `/${TYPE}`)! };
  return (plan) => {
    if (plan.write === undefined) return [plan];
    const provenance = withTarget(prepared, `${plan.type}/${plan.id}/_history/${plan.version}`);
    return [plan, planCreate(server, caller, provenance, id, n!)];
  };
};

/** Valid but for its target, which stands for a resource of the type. */
const prepare = (server: Server, written: string, type: string): Prepared => {
  // Bytes of a header may be read as UTF-8 or as Latin-1.
  if (!/^[ -~\t]*$/.test(written)) throw refused(String.raw`it holds characters that are not ASCII: write them as \u and four digits`);
  const given = parseHeader(written);
  if (!isObject(given)) throw refused('it is a Provenance as a JSON object, without its target', 'structure');
  if (given['target'] !== undefined) throw refused('its target is what is written: leave target out');
  const text = new EditableJson(written);
  // The time of the write is known here, and it was recorded then.
  if (given['recorded'] === undefined) text.put('recorded', new EditableJson(JSON.stringify(new Date().toISOString())));
  const untargeted = { type: TYPE, text: text.text, resource: JSON.parse(text.text) as Prepared['resource'] };
  const whole = withTarget(untargeted, `${type}/1`);
  requireValid(server, whole.resource, TYPE, { at: NAME, text: whole.text });
  return untargeted;
};

const parseHeader = (written: string): unknown => {
  try {
    return parseBody(written);
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    throw refused(error.message.replace('the body', 'it'), 'structure');
  }
};

const withTarget = ({ type, text, resource }: Prepared, reference: string): Prepared => {
  const target = [{ reference }];
  const whole = new EditableJson(text);
  whole.put('target', new EditableJson(JSON.stringify(target)));
  return { type, text: whole.text, resource: { ...resource, target } };
};
