/** Units of UCUM, brought to one unit per dimension. Source: https://ucum.org/ucum */
import { createRequire } from 'node:module';

/** A unit as `factor` times the canonical one, plus `offset` (degrees Celsius lie 273.15 above kelvin). */
export interface CanonicalUnit {
  /** The same for all units that can be compared. */
  readonly unit: string;
  readonly factor: number;
  readonly offset: number;
}

interface UcumUnit {
  readonly csCode_: string;
  readonly magnitude_: number;
  readonly dim_: { readonly dimVec_: readonly number[] | null } | null;
  readonly cnv_: string | null;
  readonly isArbitrary_: boolean;
}
interface UcumUtils {
  getSpecifiedUnit(code: string, mode: 'validate'): { readonly unit: UcumUnit | null; readonly origString: string | null };
}

export const UCUM = 'http://unitsofmeasure.org';
const MAX_CODE = 100;
const MAX_KNOWN = 10_000;
/** Kelvin of zero in the scales that aren't logarithmic. */
const ZERO: Readonly<Record<string, number>> = { Cel: 273.15, degF: 459.67 / 1.8 };

// Loading the library takes a tenth of a second and 17 MB: only a server that meets a unit pays for it.
let utils: UcumUtils | undefined;
const load = (): UcumUtils => {
  const { UcumLhcUtils } = createRequire(import.meta.url)('@lhncbc/ucum-lhc') as { UcumLhcUtils: { getInstance(): UcumUtils } };
  return UcumLhcUtils.getInstance();
};

const known = new Map<string, CanonicalUnit | undefined>();

/** What a UCUM code measures in; undefined where it is none. */
export const canonicalUnit = (code: string): CanonicalUnit | undefined => {
  if (code === '' || code.length > MAX_CODE) return undefined;
  let found = known.get(code);
  if (found === undefined && !known.has(code)) {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(code, (found = parse(code)));
  }
  return found;
};

const parse = (code: string): CanonicalUnit | undefined => {
  utils ??= load();
  const { unit, origString } = utils.getSpecifiedUnit(code, 'validate');
  // The library also forgives wrong spellings, which would make one unit of two.
  if (unit === null || (origString !== null && origString !== code)) return undefined;
  const dimensions = unit.dim_?.dimVec_;
  if (unit.isArbitrary_ || !dimensions) return { unit: code, factor: 1, offset: 0 };
  if (unit.cnv_ === null) return { unit: dimensions.join(','), factor: unit.magnitude_, offset: 0 };
  const zero = ZERO[unit.cnv_];
  // Logarithmic ones (pH, dB) are compared with themselves only.
  return zero === undefined ? { unit: code, factor: 1, offset: 0 } : { unit: dimensions.join(','), factor: unit.magnitude_, offset: zero };
};

/** The value in the canonical unit, with as many digits as survive a way there: 5.4 mg and 0.0054 g are the same number. */
export const toCanonical = (value: number, { factor, offset }: CanonicalUnit): number =>
  Math.abs(value) >= Number.MAX_VALUE ? value : Number((value * factor + offset).toPrecision(12));
