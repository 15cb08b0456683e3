/** The figures as a picture: for each size of the population bars of answers per second, and below them p99 latency as lines. */
import type { Measurement } from './measurement.ts';
import { MODES, type Mode } from './mode.ts';
import type { Results } from './report.ts';
import { median } from './statistics.ts';

/** Told apart by colour-blind readers too. */
const COLOURS = ['#1f6fb4', '#e08214', '#3b9b6d', '#8a5fb5', '#c4406a', '#6b6b6b'];
const WIDTH = 1080;
const LEFT = 64;
const RIGHT = 16;
const BARS = 230;
const LINES = 150;
const PANEL = BARS + LINES + 130;
const TOP = 64;
const LABELS: Readonly<Record<Mode, string>> = {
  create: 'create',
  read: 'read',
  identifier: 'by identifier',
  'name-birthdate': 'family + birthdate',
  'patient-code-date': 'patient + code + date',
  include: '_include',
  bundle: 'Bundle, per entry',
};

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const text = (x: number, y: number, content: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(content)}</text>`;
const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, more = ''): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${stroke}" ${more}/>`;
const short = (value: number): string =>
  value === 0
    ? '0'
    : value >= 10_000
      ? `${(value / 1000).toFixed(0)}k`
      : value >= 1000
        ? `${(value / 1000).toFixed(1)}k`
        : value.toFixed(value < 10 ? 1 : 0);

/** 1, 2 or 5 times a power of ten, at or above the value. */
const niceAbove = (value: number): number => {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10);
};

interface Cell {
  readonly mode: Mode;
  readonly side: string;
  readonly runs: readonly Measurement[];
}

const cellsOf = ({ measurements, sides }: Results, size: number): Cell[] =>
  MODES.flatMap((mode) =>
    sides.flatMap((side) => {
      const runs = measurements.filter((each) => each.mode === mode && each.side === side && each.patients === size);
      return runs.length === 0 ? [] : [{ mode, side, runs }];
    }),
  );

const panel = (results: Results, size: number, y: number): string => {
  const cells = cellsOf(results, size);
  const modes = MODES.filter((mode) => cells.some((cell) => cell.mode === mode));
  const group = (WIDTH - LEFT - RIGHT) / Math.max(modes.length, 1);
  const bar = (group * 0.8) / results.sides.length;
  const xOf = ({ mode, side }: Cell): number => LEFT + group * (modes.indexOf(mode) + 0.1) + bar * results.sides.indexOf(side);
  const colourOf = (side: string): string => COLOURS[results.sides.indexOf(side) % COLOURS.length]!;
  const out = [text(LEFT, y, `${size.toLocaleString('en-US')} patients: answers per second`, 'font-weight="600" font-size="15"')];

  const barsTop = y + 28;
  const barsBottom = barsTop + BARS;
  const highest = niceAbove(Math.max(1, ...cells.flatMap(({ runs }) => runs.map(({ perSecond }) => perSecond))));
  const ticks = 5;
  for (let i = 0; i <= ticks; i++) {
    const at = barsBottom - (BARS * i) / ticks;
    out.push(line(LEFT, at, WIDTH - RIGHT, at, i === 0 ? '#555' : '#e3e3e3'));
    out.push(text(LEFT - 8, at + 4, short((highest * i) / ticks), 'text-anchor="end" fill="#555"'));
  }
  for (const cell of cells) {
    const rates = cell.runs.map(({ perSecond }) => perSecond);
    const height = (value: number): number => (BARS * value) / highest;
    const x = xOf(cell);
    const middle = median(rates);
    out.push(
      `<rect x="${(x + 1).toFixed(1)}" y="${(barsBottom - height(middle)).toFixed(1)}" width="${(bar - 2).toFixed(1)}" height="${height(middle).toFixed(1)}" rx="2" fill="${colourOf(cell.side)}"/>`,
    );
    // From the slowest round to the fastest.
    if (rates.length > 1)
      out.push(line(x + bar / 2, barsBottom - height(Math.min(...rates)), x + bar / 2, barsBottom - height(Math.max(...rates)), '#222'));
    out.push(text(x + bar / 2, barsBottom - height(Math.max(...rates)) - 5, short(middle), 'text-anchor="middle" font-size="11"'));
  }
  modes.forEach((mode, i) => out.push(text(LEFT + group * (i + 0.5), barsBottom + 18, LABELS[mode], 'text-anchor="middle"')));

  const linesTop = barsBottom + 62;
  out.push(text(LEFT, linesTop - 14, 'p99 latency, milliseconds (logarithmic)', 'font-weight="600" font-size="13"'));
  const latencies = cells.map(({ runs }) => median(runs.map(({ p99Ms }) => p99Ms))).filter((ms) => ms > 0);
  const low = Math.floor(Math.log10(Math.min(1, ...latencies)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(10, ...latencies))));
  const yOf = (ms: number): number => linesTop + LINES - (LINES * (Math.log10(ms) - low)) / (high - low);
  for (let power = low; power <= high; power++) {
    const at = yOf(10 ** power);
    out.push(line(LEFT, at, WIDTH - RIGHT, at, power === low ? '#555' : '#e3e3e3'));
    out.push(text(LEFT - 8, at + 4, String(10 ** power), 'text-anchor="end" fill="#555"'));
  }
  for (const side of results.sides) {
    const points = cells
      .filter((cell) => cell.side === side)
      .map((cell) => ({ x: LEFT + group * (modes.indexOf(cell.mode) + 0.5), ms: median(cell.runs.map(({ p99Ms }) => p99Ms)) }))
      .filter(({ ms }) => ms > 0);
    const path = points.map(({ x, ms }) => `${x.toFixed(1)},${yOf(ms).toFixed(1)}`).join(' ');
    out.push(`<polyline points="${path}" fill="none" stroke="${colourOf(side)}" stroke-width="2"/>`);
    for (const { x, ms } of points) {
      out.push(
        `<circle cx="${x.toFixed(1)}" cy="${yOf(ms).toFixed(1)}" r="4" fill="${colourOf(side)}"><title>${escape(side)}: ${ms} ms</title></circle>`,
      );
      if (side === results.sides[0]) out.push(text(x + 8, yOf(ms) + 14, short(ms), 'font-size="11"'));
    }
  }
  return out.join('\n');
};

export const chartSvg = (results: Results): string => {
  const height = TOP + PANEL * results.sizes.length;
  const legend = results.sides.map(
    (side, i) =>
      `<rect x="${LEFT + i * 150}" y="38" width="12" height="12" rx="2" fill="${COLOURS[i % COLOURS.length]}"/>${text(LEFT + i * 150 + 18, 48, side)}`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222">
<rect width="100%" height="100%" fill="#fff"/>
${text(LEFT, 24, results.title, 'font-size="16" font-weight="600"')}
${legend.join('\n')}
${results.sizes.map((size, i) => panel(results, size, TOP + 26 + PANEL * i)).join('\n')}
</svg>
`;
};
