import type { Call, Reply } from '../http/call.ts';
import { parseIfMatch, requireMatch } from '../http/preconditions.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import { planDelete } from './plan.ts';
import { commit, untilCurrent, written } from './written.ts';

/** 204 also where there is nothing to delete. Source: http://hl7.org/fhir/R4/http.html#delete */
export const deleteResource = async (server: Server, call: Call): Promise<Reply> => {
  const type = call.target.resourceType!;
  const id = call.target.id!;
  const demanded = parseIfMatch(call.header('if-match'));
  return untilCurrent(async () => {
    const head = await readHead(server.db, server.registry.typeId(type), id);
    requireMatch(demanded, head);
    const plan = planDelete(server, call, type, id, head);
    return written(server, call, plan, await commit(server, [plan]));
  });
};
