/** Source: http://hl7.org/fhir/R4/search.html#revinclude */
import { ANY_TYPE, type IndexedParameter } from './index-plan.ts';
import { type ParseContext, type ParseOptions, unknown } from './parsing.ts';
import { forbidden } from './parse-criterion.ts';
import type { Include } from './request.ts';

const MAX_INCLUDES = 50;

/** `types` are those that the search finds. */
export const parseIncludes = (
  types: readonly string[],
  pairs: readonly (readonly [string, string])[],
  context: ParseContext,
  options: ParseOptions,
): { includes: Include[]; revincludes: Include[] } => {
  const of = (wanted: '_include' | '_revinclude'): Include[] =>
    pairs.flatMap(([name, value]) => {
      const [base, modifier] = name.split(':', 2);
      if (base !== wanted) return [];
      if (modifier !== undefined && modifier !== 'iterate' && modifier !== 'recurse')
        throw unknown(name, `${wanted} takes no modifier but :iterate`);
      const written = { name, value, iterate: modifier !== undefined, forward: wanted === '_include' };
      return value === '*' ? everything(types, written, context, options) : [parseInclude(written, context, options)];
    });
  const includes = of('_include');
  const found = new Set(types);
  const wrong = includes.find(({ source, iterate }) => !found.has(source) && !found.has(ANY_TYPE) && !iterate);
  if (wrong !== undefined)
    throw unknown('_include', `_include=${wrong.source}:…: this search finds no ${wrong.source}; with _include:iterate it may`);
  const revincludes = of('_revinclude');
  if (includes.length + revincludes.length > MAX_INCLUDES + context.registry.resourceTypes.length * 2)
    throw unknown('_include', `a search takes ${MAX_INCLUDES} includes at most`);
  return { includes, revincludes };
};

interface Written {
  readonly name: string;
  readonly value: string;
  readonly iterate: boolean;
  readonly forward: boolean;
}

const referencesOf = (type: string, { planOf }: ParseContext): IndexedParameter[] =>
  [...planOf(type).parameters.values()].filter(({ parameterType }) => parameterType.table === 'ref');

/** `*`: all references of what is found, or all references to it, as far as the caller may see what they lead to. */
const everything = (
  types: readonly string[],
  { iterate, forward }: Written,
  context: ParseContext,
  { allowed }: ParseOptions,
): Include[] => {
  const all = context.registry.resourceTypes;
  const sources = forward && !iterate && !types.includes(ANY_TYPE) ? types : all;
  return sources.flatMap((source) => {
    if (!forward && !allowed(source, 's')) return [];
    const parameters = referencesOf(source, context).filter(
      ({ parameter: { targets } }) =>
        forward || iterate || targets.length === 0 || types.includes(ANY_TYPE) || targets.some((each) => types.includes(each)),
    );
    return parameters.length === 0 ? [] : [{ source, parameters, target: undefined, iterate }];
  });
};

const parseInclude = ({ name, value, iterate, forward }: Written, context: ParseContext, { allowed }: ParseOptions): Include => {
  const { registry } = context;
  const [source = '', code = '', target] = value.split(':');
  if (!registry.isResourceType(source) || code === '')
    throw unknown(name, `${name}=${value.slice(0, 80)}: write Type:parameter, such as Observation:subject, or *`);
  if (target !== undefined && target !== '' && !registry.isResourceType(target))
    throw unknown(name, `${name}: ${target.slice(0, 40)} is no resource type`);
  const references = referencesOf(source, context);
  const parameters = code === '*' ? references : references.filter(({ parameter }) => parameter.code === code);
  if (parameters.length === 0) {
    throw unknown(
      name,
      `${name}=${value.slice(0, 80)}: ${source} has no reference parameter ${code.slice(0, 40)}; it has ${references.map(({ parameter }) => parameter.code).join(', ')}`,
    );
  }
  if (forward && target && !allowed(target, 'r')) throw forbidden(`${name}=${value.slice(0, 80)}`, target, 'r');
  if (!forward && !allowed(source, 's')) throw forbidden(`${name}=${value.slice(0, 80)}`, source);
  return { source, parameters, target: target || undefined, iterate };
};
