import { missingScope } from '../../proto/access/scope.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server, WriteRule } from '../server.ts';
import type { EndpointCheck } from './endpoint.ts';
import { missingFor, readTerms } from './terms.ts';

/**
 * What a client may write as a Subscription: requested, on terms that this server keeps to, or off. With it is kept who wrote it and what
 * that client was allowed. The states active and error are the server's to set.
 */
export const createSubscriptionRule =
  (server: Pick<Server, 'registry' | 'baseUrl' | 'search'>, isAllowed: EndpointCheck): WriteRule =>
  (resource, { client, fingerprint, scopes }) => {
    const status = resource['status'];
    const subscriber = { client, fingerprint, scopes: JSON.stringify([...scopes]) };
    if (status === 'off') return { subscriber };
    if (status !== 'requested') {
      throw new FhirError('unprocessable', `status ${String(status)} is set by the server: write requested, or off`, {
        expression: 'Subscription.status',
      });
    }
    const { type, criteria } = readTerms(resource, server, isAllowed);
    const missing = missingFor(scopes, type);
    if (missing !== undefined)
      throw new FhirError('forbidden', `to be told of ${type} resources needs the scope ${missing}: ask the operator for it`);
    try {
      server.search.check(type, criteria, (each, letter) => missingScope(scopes, each, letter) === undefined);
    } catch (cause) {
      // It names a parameter of the address; here it stands in an element.
      if (!(cause instanceof FhirError)) throw cause;
      throw new FhirError(cause.kind, cause.message, { expression: 'Subscription.criteria', cause });
    }
    return { subscriber };
  };
