/** The values of datatypes as a person writes them. Source: http://hl7.org/fhir/R4/datatypes.html */
import { isObject, type Json } from '../../json/value.ts';
import type { Links } from './links.ts';
import { html, Markup, NOTHING } from './markup.ts';

/** JSON with its numbers as they are written, since 1.10 is not 1.1 in medicine. */
export const parseAsWritten = (text: string): Json => {
  const keepNumber = (_: string, value: unknown, { source }: { source?: string }): unknown => (typeof value === 'number' ? source : value);
  return JSON.parse(text, keepNumber as Parameters<typeof JSON.parse>[1]) as Json;
};

const MAX_TEXT = 120;
const MAX_LIST = 4;

const text = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'boolean' ? String(value) : '');
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const joined = (parts: readonly string[], separator: string): string => parts.filter((part) => part !== '').join(separator);

const quantity = (value: Json): string =>
  joined([text(value['comparator']) + text(value['value']), text(value['unit']) || text(value['code'])], ' ');
const coding = (value: Json): string => text(value['display']) || text(value['code']);
const part = (value: unknown, show: (value: Json) => string): string => (isObject(value) ? show(value) : '');

/** By type; others are shown by the first text that they have. */
const TEXTS: Readonly<Record<string, (value: Json) => string>> = {
  HumanName: (value) =>
    text(value['text']) ||
    joined([...list(value['prefix']), ...list(value['given']), value['family'], ...list(value['suffix'])].map(text), ' '),
  CodeableConcept: (value) =>
    text(value['text']) ||
    joined(
      list(value['coding'])
        .map((each) => part(each, coding))
        .slice(0, 1),
      '',
    ),
  Coding: coding,
  Identifier: (value) => text(value['value']),
  ContactPoint: (value) => text(value['value']),
  Address: (value) =>
    text(value['text']) ||
    joined(
      [...list(value['line']), joined([text(value['postalCode']), text(value['city'])], ' '), value['state'], value['country']].map(text),
      ', ',
    ),
  Period: (value) => `${text(value['start']) || '…'} – ${text(value['end']) || '…'}`,
  Range: (value) => `${part(value['low'], quantity)} – ${part(value['high'], quantity)}`,
  Ratio: (value) => `${part(value['numerator'], quantity)} / ${part(value['denominator'], quantity)}`,
  Quantity: quantity,
  Money: (value) => joined([text(value['value']), text(value['currency'])], ' '),
  Attachment: (value) => text(value['title']) || text(value['contentType']),
  Annotation: (value) => text(value['text']),
  Dosage: (value) => text(value['text']),
};
for (const name of ['Age', 'Duration', 'Count', 'Distance', 'SimpleQuantity', 'MoneyQuantity']) Object.assign(TEXTS, { [name]: quantity });

const shortened = (value: string): string => (value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value);

/** Members that tell machines what the others mean. */
const FOR_MACHINES = new Set(['system', 'url', 'id', 'use', 'extension']);

const firstText = (value: Json, depth = 0): string => {
  const direct = text(value['text']) || text(value['display']);
  if (direct !== '') return direct;
  for (const [name, member] of Object.entries(value)) {
    if (FOR_MACHINES.has(name)) continue;
    for (const each of list(member)) {
      const found = isObject(each) && depth < 3 ? firstText(each, depth + 1) : text(each);
      if (found !== '') return found;
    }
  }
  return '';
};

/** One value of a datatype as plain text; empty where there is nothing to tell. */
export const valueText = (value: unknown, type: string): string =>
  shortened(isObject(value) ? (TEXTS[type] ?? firstText)(value) : text(value));

const reference = (value: Json, links: Links): Markup => {
  const address = text(value['reference']);
  const shown = text(value['display']) || address || part(value['identifier'], TEXTS['Identifier']!);
  const href = links.href(address);
  return href === undefined ? html`${shortened(shown)}` : html`<a href="${href}" rel="noreferrer noopener">${shortened(shown)}</a>`;
};

/** An element's value, or the first of several, with references as links. */
export const valueView = (value: unknown, type: string, links: Links): Markup => {
  const values = list(value);
  const views = values
    .slice(0, MAX_LIST)
    .map((each) => (type === 'Reference' && isObject(each) ? reference(each, links) : html`${valueText(each, type)}`))
    .filter(({ text: shown }, i, all) => shown !== '' && all.findIndex((each) => each.text === shown) === i);
  if (views.length === 0) return NOTHING;
  const more = values.length > MAX_LIST ? html` <span class="quiet">and ${values.length - MAX_LIST} more</span>` : NOTHING;
  return html`${views.map((view, i) => html`${i === 0 ? '' : ', '}<span class="v">${view}</span>`)}${more}`;
};
