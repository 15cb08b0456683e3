import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import type { Operation } from './operation.ts';
import { operationParameters } from './parameters.ts';

const OWN = ['input'];

const run = async (server: Server, call: Call): Promise<Reply> => {
  const given = (await operationParameters(call, OWN)).find(({ resource }) => resource !== undefined);
  const { resource, text } = given ?? {};
  if (resource === undefined)
    throw new FhirError('invalid', 'there is nothing to convert: send the resource, or Parameters with one of the name input');
  const type = String(resource['resourceType']);
  if (!server.registry.isResourceType(type)) throw new FhirError('structure', `${type.slice(0, 40)} is no R4 resource type`);
  const written = text?.() ?? JSON.stringify(resource);
  // What isn't as R4 has it may have no place in the other format.
  const issues = server.validator.validate(resource, type, written).filter(({ severity }) => severity === 'error');
  if (issues.length > 0) throw new FhirError('structure', issues[0]!.diagnostics, { issues });
  const audited = await record(server.outbox, call, { status: 200 });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: written, audited };
};

/** A resource in another format: it is answered as it was sent, in the one that the client accepts, and stored nowhere. Throws 400 where it is not valid. */
export const convert: Operation = {
  name: '$convert',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-convert',
  levels: ['system'],
  types: [],
  isRead: true,
  scopes: () => [],
  run,
};
