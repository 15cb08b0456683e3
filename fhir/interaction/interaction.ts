import type { Interaction } from '../../proto/access/interaction.ts';
import { neededScopes } from '../../proto/access/scope.ts';
import type { Call, Reply } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FhirError } from '../http/outcome.ts';
import { answerLater, isAnsweredLater } from '../job/respond-async.ts';
import { jobCancel, jobFile, jobStatus } from '../job/status.ts';
import { selectionOf } from '../presentation/selection.ts';
import { subset } from '../presentation/subset.ts';
import type { Server } from '../server.ts';
import { conditionalDelete } from './conditional-delete.ts';
import { conditionalPatch, conditionalUpdate } from './conditional.ts';
import { create } from './create.ts';
import { deleteResource } from './delete.ts';
import { history } from './history.ts';
import { metadata } from './metadata.ts';
import { operate } from './operation.ts';
import { patchResource } from './patch.ts';
import { refuseStrayProvenance } from './provenance.ts';
import { read, vread } from './read.ts';
import { search } from './search.ts';
import { update } from './update.ts';

type Handler = (server: Server, call: Call) => Promise<Reply>;

/** Every interaction that an entry of a Bundle may ask for too; the Bundle itself is answered one level up. */
const HANDLERS: Record<Exclude<Interaction, 'batch'>, Handler> = {
  capabilities: metadata,
  read,
  vread,
  create,
  update,
  delete: deleteResource,
  patch: patchResource,
  'conditional-update': conditionalUpdate,
  'conditional-patch': conditionalPatch,
  'conditional-delete': conditionalDelete,
  'history-instance': history,
  'history-type': history,
  'history-system': history,
  'search-type': search,
  'search-system': search,
  'search-compartment': search,
  operation: operate,
  'job-status': jobStatus,
  'job-cancel': jobCancel,
  'job-file': jobFile,
};

/** Throws 404 on a type that R4 hasn't, 403 that names the scope missing. */
export const requireAllowed = ({ registry }: Pick<Server, 'registry'>, { target, identity }: Pick<Call, 'target' | 'identity'>): void => {
  for (const type of [target.resourceType, target.compartment?.type]) {
    if (type !== undefined && !registry.isResourceType(type)) {
      throw new FhirError('unknown-type', `${type} is no FHIR R4 resource type: names are written as in /metadata, such as Patient`);
    }
  }
  for (const { resourceType, letter } of neededScopes(target)) requireScope(identity, resourceType, letter);
};

/** Answered as `_summary` and `_elements` say; searches see to it themselves, since theirs may stand in a form. */
const SHOWN_IN_PART = new Set<Interaction>(['read', 'vread', 'history-instance', 'history-type', 'history-system', 'capabilities']);

/** Answers one interaction other than a Bundle, if the caller may have it. */
export const interact = async (server: Server, call: Call): Promise<Reply> => {
  const { interaction, resourceType } = call.target;
  if (interaction === 'batch') throw new FhirError('invalid', 'a Bundle can hold no Bundle to process');
  requireAllowed(server, call);
  refuseStrayProvenance(call);
  if (isAnsweredLater(call)) return answerLater(server, call);
  if (call.query === '' || !SHOWN_IN_PART.has(interaction)) return HANDLERS[interaction](server, call);
  const type = interaction === 'capabilities' ? 'CapabilityStatement' : resourceType;
  const isList = interaction.startsWith('history-');
  const selection = selectionOf(server.registry, { type, query: call.query, lenient: call.prefer.lenient, isList });
  const reply = await HANDLERS[interaction](server, call);
  if (selection === undefined || reply.body === null) return reply;
  return { ...reply, body: subset(server.registry, reply.body, selection, isList) };
};
