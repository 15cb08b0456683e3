import type { WriteRule } from '../server.ts';
import { type DefinitionContext, readDefinition } from './definition.ts';

/** What a client may write as a SearchParameter: anything as a draft, and as active what this server can index. */
export const createSearchParameterRule =
  ({
    others,
    ...context
  }: Pick<DefinitionContext, 'registry' | 'baseUrl'> & { readonly others: () => DefinitionContext['others'] }): WriteRule =>
  (resource) => ({ isParameter: readDefinition(resource, { ...context, others: others() }) !== undefined });
