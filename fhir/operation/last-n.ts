import { missingScope } from '../../proto/access/scope.ts';
import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import { selectionOf } from '../presentation/selection.ts';
import { subset } from '../presentation/subset.ts';
import type { Server } from '../server.ts';
import type { Operation } from './operation.ts';
import { type OperationParameter, operationParameters } from './parameters.ts';
import { countParameter } from './terminology-call.ts';

const DEFAULT_MAX = 1;

const maxOf = (parameters: readonly OperationParameter[]): number => {
  if (parameters.filter(({ name }) => name === 'max').length > 1)
    throw new FhirError('invalid', 'the parameter max is given twice: give it once');
  const max = countParameter(parameters, 'max') ?? DEFAULT_MAX;
  if (max > 0) return max;
  throw new FhirError('value', 'max says how many Observations of each code: 1 or more', { expression: 'http.max' });
};

/** The other parameters as those of a search. */
const queryOf = (parameters: readonly OperationParameter[]): string =>
  parameters
    .filter(({ name }) => name !== 'max')
    .map(({ name, value }) => {
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
        throw new FhirError('value', `the parameter ${name.slice(0, 60)} is a text, as in a search`, {
          expression: `http.${name.slice(0, 60)}`,
        });
      return `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
    })
    .join('&');

const run = async (server: Server, call: Call): Promise<Reply> => {
  const parameters = await operationParameters(call);
  const query = queryOf(parameters);
  const { lenient } = call.prefer;
  const selection = selectionOf(server.registry, { type: 'Observation', query, lenient, isList: true });
  const found = await server.search.lastN(server.db, query, {
    max: maxOf(parameters),
    lenient,
    allowed: (type, letter) => missingScope(call.identity.scopes, type, letter) === undefined,
  });
  const { count, patients, query: masked } = found;
  const audited = await record(server.outbox, call, { status: 200, patients, query: masked, count });
  const body = selection === undefined ? found.body : subset(server.registry, found.body, selection, true);
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body, audited };
};

/**
 * The newest Observations of somebody, so many of each code, by the parameters of a search and in one answer.
 * Source: http://hl7.org/fhir/R4/observation-operation-lastn.html
 */
export const lastN: Operation = {
  name: '$lastn',
  definition: 'http://hl7.org/fhir/OperationDefinition/Observation-lastn',
  levels: ['type'],
  types: ['Observation'],
  isRead: true,
  scopes: () => [{ resourceType: 'Observation', letter: 's' }],
  run,
};
