/** Source: http://hl7.org/fhir/R4/search.html#revinclude */
import { FhirError } from '../http/outcome.ts';
import type { ParseContext, ParseOptions } from './parse.ts';
import type { Include } from './request.ts';

const refuse = (name: string, diagnostics: string): FhirError =>
  new FhirError('not-supported', diagnostics, { expression: `http.${name}` });

export const parseIncludes = (
  type: string,
  pairs: readonly (readonly [string, string])[],
  context: ParseContext,
  options: ParseOptions,
): { includes: Include[]; revincludes: Include[] } => {
  const of = (wanted: '_include' | '_revinclude'): Include[] =>
    pairs.flatMap(([name, value]) => {
      const [base, modifier] = name.split(':', 2);
      if (base !== wanted) return [];
      if (modifier !== undefined && modifier !== 'iterate' && modifier !== 'recurse')
        throw refuse(name, `${wanted} takes no modifier but :iterate`);
      return [parseInclude({ name, value, iterate: modifier !== undefined, forward: wanted === '_include' }, context, options)];
    });
  const includes = of('_include');
  const wrong = includes.find(({ source, iterate }) => source !== type && !iterate);
  if (wrong !== undefined)
    throw refuse('_include', `_include=${wrong.source}:…: a search for ${type} finds no ${wrong.source}; with _include:iterate it may`);
  return { includes, revincludes: of('_revinclude') };
};

interface Written {
  readonly name: string;
  readonly value: string;
  readonly iterate: boolean;
  readonly forward: boolean;
}

const parseInclude = (
  { name, value, iterate, forward }: Written,
  { registry, planOf }: ParseContext,
  { allowed }: ParseOptions,
): Include => {
  const [source = '', code = '', target] = value.split(':');
  if (!registry.isResourceType(source) || code === '')
    throw refuse(name, `${name}=${value.slice(0, 80)}: write Type:parameter, such as Observation:subject`);
  if (target !== undefined && target !== '' && !registry.isResourceType(target))
    throw refuse(name, `${name}: ${target.slice(0, 40)} is no resource type`);
  const references = [...planOf(source).parameters.values()].filter(({ parameterType }) => parameterType.table === 'ref');
  const parameters = code === '*' ? references : references.filter(({ parameter }) => parameter.code === code);
  if (parameters.length === 0) {
    throw refuse(
      name,
      `${name}=${value.slice(0, 80)}: ${source} has no reference parameter ${code.slice(0, 40)}; it has ${references.map(({ parameter }) => parameter.code).join(', ')}`,
    );
  }
  const needed = forward ? target : source;
  if (needed && !allowed(needed, forward ? 'r' : 's')) {
    throw new FhirError('forbidden', `${name}=${value.slice(0, 80)} needs the scope system/${needed}.${forward ? 'r' : 's'}`);
  }
  return { source, parameters, target: target || undefined, iterate };
};
