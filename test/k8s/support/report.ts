/** What a run saw, as Markdown and as JSON. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Row } from '../case.ts';

export interface Outcome {
  readonly rows: readonly (Row & { readonly name: string })[];
  readonly skipped: readonly string[];
  readonly failures: readonly string[];
  readonly passed: number;
}

const list = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `\n${title}\n\n${lines.map((line) => `- ${line}`).join('\n')}\n`;

export const reportText = ({ rows, skipped, failures }: Outcome): string => {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const table = [
    '| case | what | measured |',
    '|---|---|---|',
    ...rows.map(({ name, what, value }) => `| ${name} | ${cell(what)} | ${cell(value)} |`),
  ];
  return `${table.join('\n')}\n${list('Skipped:', skipped)}${list('Failed:', failures)}`;
};

/** FILE.json and FILE.md. */
export const writeReport = (file: string, outcome: Outcome): void => {
  const base = file.replace(/\.(json|md)$/, '');
  mkdirSync(dirname(base), { recursive: true });
  writeFileSync(`${base}.json`, `${JSON.stringify(outcome, null, 1)}\n`);
  writeFileSync(`${base}.md`, `${reportText(outcome)}\n${outcome.passed} passed, ${outcome.failures.length} failed\n`);
};
