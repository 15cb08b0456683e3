/** What was measured, as Markdown: figures are medians of the rounds, ratios the median and range of the rounds' own ratios. */
import type { Growth } from './fill.ts';
import type { Measurement } from './measurement.ts';
import { MODE_TITLES, MODES, type Mode } from './mode.ts';
import type { Found } from './probe.ts';
import { median, type Ratio, ratioOf, totalCpuUs } from './statistics.ts';

export interface Results {
  readonly title: string;
  readonly sides: readonly string[];
  readonly sizes: readonly number[];
  readonly measurements: readonly Measurement[];
  readonly found: readonly { readonly side: string; readonly mode: Mode; readonly patients: number; readonly found: Found }[];
  readonly growth: readonly { readonly side: string; readonly patients: number; readonly growth: Growth }[];
}

const number = (value: number, digits = 0): string =>
  Number.isFinite(value)
    ? value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }).replaceAll(',', ' ')
    : '–';

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map((_, i) => (i < 2 ? '---' : '---:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const shown = ({ matches, included }: Found): string => (included > 0 ? `${matches} + ${included}` : String(matches));

/** Sides that found something else than ours. */
export const differences = ({ found, sides }: Results): string[] =>
  found.flatMap(({ side, mode, patients, found: theirs }) => {
    const ours = found.find((each) => each.side === sides[0] && each.mode === mode && each.patients === patients)?.found;
    if (ours === undefined || side === sides[0] || shown(ours) === shown(theirs)) return [];
    return [`${side} finds ${shown(theirs)} where ${sides[0]} finds ${shown(ours)}: ${MODE_TITLES[mode]}, ${patients} patients`];
  });

const figures = (results: Results, size: number): string => {
  const rows = MODES.flatMap((mode) =>
    results.sides.flatMap((side) => {
      const mine = results.measurements.filter((each) => each.side === side && each.mode === mode && each.patients === size);
      if (mine.length === 0) return [];
      const of = (value: (measurement: Measurement) => number): number => median(mine.map(value));
      const parts = Object.keys(mine[0]!.cpuUs).map((part) => `${part} ${number(of(({ cpuUs }) => cpuUs[part]!))}`);
      const found = results.found.find((each) => each.side === side && each.mode === mode && each.patients === size)?.found;
      const failures = mine.reduce((sum, each) => sum + each.failures, 0);
      return [
        [
          MODE_TITLES[mode],
          side,
          number(of(({ perSecond }) => perSecond)),
          number(
            of(({ p50Ms }) => p50Ms),
            1,
          ),
          number(
            of(({ p99Ms }) => p99Ms),
            1,
          ),
          number(of(totalCpuUs)),
          parts.join(', '),
          found === undefined ? '' : shown(found),
          String(failures),
        ],
      ];
    }),
  );
  return table(['', 'side', 'per second', 'p50 ms', 'p99 ms', 'CPU µs', 'of which', 'found', 'failures'], rows);
};

const ratioText = (ratio: Ratio | undefined): string =>
  ratio === undefined ? '–' : `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`;

const ratios = (results: Results, size: number): string => {
  const [ours, ...others] = results.sides;
  const rows = others.flatMap((other) =>
    MODES.flatMap((mode) => {
      const of = (side: string): Measurement[] =>
        results.measurements.filter((each) => each.side === side && each.mode === mode && each.patients === size);
      if (of(ours!).length === 0 || of(other).length === 0) return [];
      const ratio = (value: (measurement: Measurement) => number): string => ratioText(ratioOf(of(ours!), of(other), value));
      return [
        [
          MODE_TITLES[mode],
          other,
          ratio(({ perSecond }) => perSecond),
          ratio(({ p50Ms }) => p50Ms),
          ratio(({ p99Ms }) => p99Ms),
          ratio(totalCpuUs),
        ],
      ];
    }),
  );
  if (rows.length === 0) return '';
  return `\n${ours} divided by the other side:\n\n${table(['', 'other', 'per second', 'p50', 'p99', 'CPU'], rows)}\n`;
};

const memory = ({ measurements, sides, growth }: Results, size: number): string => {
  const rows = sides.flatMap((side) => {
    const last = measurements.findLast((each) => each.side === side && each.patients === size);
    if (last === undefined) return [];
    const parts = Object.entries(last.pssMb);
    const grown = growth.find((each) => each.side === side && each.patients === size)?.growth;
    return [
      [
        side,
        parts.length === 0 ? '–' : parts.map(([part, mb]) => `${part} ${number(mb)}`).join(', '),
        grown === undefined || grown.resources === 0 ? '–' : `${number(grown.resources / grown.seconds)}/s`,
        grown?.bytesPerResource === undefined ? '–' : number(grown.bytesPerResource),
      ],
    ];
  });
  return table(['side', 'resident memory, MB', 'population stored, resources', 'disk, bytes per resource'], rows);
};

const failed = ({ measurements }: Results): string => {
  const lines = measurements.flatMap(({ side, mode, firstFailure }) =>
    firstFailure === undefined ? [] : [`- ${side}, ${mode}: ${firstFailure}`],
  );
  return lines.length === 0 ? '' : `\n## Failures\n\n${[...new Set(lines)].slice(0, 20).join('\n')}\n`;
};

export const reportText = (results: Results): string => {
  const different = differences(results);
  const generator = median(results.measurements.filter(({ mode }) => mode !== 'bundle').map(({ generatorCores }) => generatorCores));
  return `# ${results.title}

Closed loop; latencies as the callers saw them. CPU is of all processes of the side, for each request, of Bundles for each entry. "found" is
what a fixed set of requests found (matches + included), sent to each side alike before it was measured. The load generator used
${generator.toFixed(2)} cores (median) of the same machine.
${results.sizes
  .map((size) => `\n## ${number(size)} patients\n\n${figures(results, size)}\n${ratios(results, size)}\n${memory(results, size)}\n`)
  .join(
    '',
  )}${different.length === 0 ? '' : `\n## Different answers\n\n${different.map((each) => `- ${each}`).join('\n')}\n`}${failed(results)}`;
};
