import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { newLogicalId } from '../store/logical-id.ts';
import { conditionalCreate } from './conditional.ts';
import { resolveConditional } from './conditional-references.ts';
import { criteriaOf } from './criteria.ts';
import { planCreate } from './plan.ts';
import { prepare } from './prepare.ts';
import { readProvenance } from './provenance.ts';
import { commit, untilCurrent, written } from './written.ts';

/** A header's bytes may be UTF-8 or Latin-1: read the wrong way they match nothing, and what is there would be created again. */
const inAscii = (ifNoneExist: string): string => {
  if (/^[ -~]*$/.test(ifNoneExist)) return ifNoneExist;
  throw new FhirError('invalid', 'If-None-Exist holds characters that are not ASCII: percent-encode them, as in any query');
};

/** Source: http://hl7.org/fhir/R4/http.html#create */
export const create = async (server: Server, call: Call): Promise<Reply> => {
  const prepared = await resolveConditional(server, call, prepare(server, await call.text(), call.target.resourceType!));
  const provenance = await readProvenance(server, call);
  const criteria = call.header('if-none-exist');
  if (criteria !== undefined) return conditionalCreate(server, call, prepared, { criteria: criteriaOf(inAscii(criteria)), provenance });
  const [n] = await server.rids.take(1);
  return untilCurrent(async () => {
    const plan = planCreate(server, call, prepared, newLogicalId(), n!);
    return written(server, call, plan, await commit(server, provenance(plan)));
  });
};
