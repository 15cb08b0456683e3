import type { Measurement } from './measurement.ts';

export const median = (values: readonly number[]): number => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

export const totalCpuUs = ({ cpuUs }: Measurement): number => {
  const parts = Object.values(cpuUs);
  return parts.length === 0 ? NaN : parts.reduce((sum, each) => sum + each, 0);
};

export interface Ratio {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of `value` of two sides, round by round. */
export const ratioOf = (
  ours: readonly Measurement[],
  theirs: readonly Measurement[],
  value: (measurement: Measurement) => number,
): Ratio | undefined => {
  const ratios = ours.flatMap((our) => {
    const their = theirs.find(({ round }) => round === our.round);
    const ratio = their === undefined ? NaN : value(our) / value(their);
    return Number.isFinite(ratio) ? [ratio] : [];
  });
  if (ratios.length === 0) return undefined;
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
};
