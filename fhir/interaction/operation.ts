import type { Call, Reply } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FhirError } from '../http/outcome.ts';
import { levelOf } from '../operation/operation.ts';
import { findOperation, isOffered, OPERATIONS } from '../operation/operations.ts';
import type { Server } from '../server.ts';

/** Throws 403 where the caller may not, 405 where an operation that changes something is asked for by GET, 404 where there is none. */
export const operate = async (server: Server, call: Call): Promise<Reply> => {
  const { target, identity } = call;
  const operation = findOperation(target);
  if (operation === undefined) {
    if (target.versionId !== undefined)
      throw new FhirError('unknown-operation', `of a version there is $meta alone: ask for ${target.operation} without _history`);
    const level = levelOf(target);
    const offered = OPERATIONS.filter((each) => isOffered(each, target.resourceType) && each.levels.includes(level)).map(
      ({ name }) => name,
    );
    throw new FhirError('unknown-operation', `${target.operation} is not offered here: offered are ${offered.join(', ') || 'none'}`);
  }
  if (!identity.operations.includes('*') && !identity.operations.includes(operation.name)) {
    throw new FhirError('forbidden', `your client may not call ${operation.name}: ask the operator to add it to its operations`);
  }
  for (const { resourceType, letter } of operation.scopes(target)) requireScope(identity, resourceType, letter);
  if (!call.isPost && !operation.isRead) throw new FhirError('method-not-allowed', `${operation.name} changes something: send it by POST`);
  return operation.run(server, call);
};
