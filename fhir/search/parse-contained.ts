/** Whether what other resources contain is searched too. Source: http://hl7.org/fhir/R4/search.html#contained */
import { containedType } from './contained.ts';
import { ANY_TYPE } from './index-plan.ts';
import { parseCriterion } from './parse-criterion.ts';
import { badValue, type Parsing, unknown } from './parsing.ts';
import type { ContainedSearch } from './request.ts';
import type { Where } from './where.ts';

type Pair = readonly [name: string, value: string];

interface Asked {
  readonly where: Where;
  /** What the search finds. */
  readonly types: readonly string[];
  /** The parameters that it goes by. */
  readonly criteria: readonly Pair[];
  readonly controls: readonly Pair[];
}

/** These speak of resources, or of rows, that contained ones don't have. */
const NOT_WITH = ['_include', '_revinclude', '_sort'];

/** Undefined where only what stands alone is looked for; throws FhirError on what doesn't go with it. */
export const parseContained = ({ where, types, criteria, controls }: Asked, p: Parsing): ContainedSearch | undefined => {
  const last = (name: string): string | undefined => controls.findLast(([each]) => each === name)?.[1];
  const mode = last('_contained') ?? 'false';
  if (mode !== 'false' && mode !== 'true' && mode !== 'both')
    throw badValue('_contained', `_contained=${mode.slice(0, 40)} is none of false, true and both`);
  const shown = last('_containedType') ?? 'container';
  if (shown !== 'container' && shown !== 'contained')
    throw badValue('_containedType', `_containedType=${shown.slice(0, 40)} is neither container nor contained`);
  if (mode === 'false') {
    if (last('_containedType') === undefined || p.lenient) return undefined;
    throw unknown('_containedType', '_containedType says nothing without _contained=true or _contained=both: add that, or leave it out');
  }
  if (where.compartment !== undefined)
    throw unknown(
      '_contained',
      `_contained doesn't go with compartments: search a type, as in ${where.type ?? 'Medication'}?_contained=${mode}`,
    );
  if (types.includes(ANY_TYPE)) throw unknown('_contained', `_contained=${mode} needs a type: search one, or name some with _type`);
  const wrong = controls.find(([name]) => NOT_WITH.includes(name.split(':', 1)[0]!));
  if (wrong !== undefined) throw unknown(wrong[0], `${wrong[0].slice(0, 40)} doesn't go with _contained=${mode}: leave out one of them`);
  const branches = types.map(containedType).map((type) => ({
    type,
    criteria: criteria.map(([name, value]) => parseCriterion(type, name, value, p)),
  }));
  const containers = p.allowed('*', 's') ? undefined : p.registry.resourceTypes.filter((type) => p.allowed(type, 's'));
  return { withOthers: mode === 'both', shown, branches, containers };
};
