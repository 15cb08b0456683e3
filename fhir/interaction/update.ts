import type { Call, Reply } from '../http/call.ts';
import { parseIfMatch, requireMatch, requireNoneMatch } from '../http/preconditions.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import { resolveConditional } from './conditional-references.ts';
import { planCreate, planUpdate } from './plan.ts';
import { prepare, requireSameId } from './prepare.ts';
import { readProvenance } from './provenance.ts';
import { commit, untilCurrent, written } from './written.ts';

/** Creates too where the id is new, or was deleted. Source: http://hl7.org/fhir/R4/http.html#update */
export const update = async (server: Server, call: Call): Promise<Reply> => {
  const type = call.target.resourceType!;
  const id = call.target.id!;
  const demanded = parseIfMatch(call.header('if-match'));
  const sent = prepare(server, await call.text(), type);
  requireSameId(sent, id);
  const prepared = await resolveConditional(server, call, sent);
  const provenance = await readProvenance(server, call);
  return untilCurrent(async () => {
    const head = await readHead(server.db, server.registry.typeId(type), id);
    requireMatch(demanded, head);
    requireNoneMatch(call.header('if-none-match'), head);
    const plan =
      head === undefined
        ? planCreate(server, call, prepared, id, (await server.rids.take(1))[0]!)
        : planUpdate(server, call, prepared, head);
    return written(server, call, plan, await commit(server, provenance(plan)));
  });
};
