import type { SearchParameter } from '../../definitions/registry.ts';
import { html, Markup, NOTHING } from './markup.ts';
import type { Shown } from './shown.ts';

/** Those that people look for first, where a type has them. */
const FIRST = [
  'name',
  'family',
  'identifier',
  'birthdate',
  'patient',
  'subject',
  'code',
  'category',
  'status',
  'date',
  'clinical-status',
  'type',
  'title',
  'url',
];
const FIELDS = 6;

/** A field for each of some search parameters; each is a form of its own that keeps the other criteria, since there is no script. */
export const filters = ({ registry, links, url }: Shown, type: string): Markup => {
  const query = [...new URLSearchParams(url.split('?')[1] ?? '')];
  const own = new Map(
    registry
      .searchParameters(type)
      .filter(isPlain)
      .map((parameter) => [parameter.code, parameter]),
  );
  const codes = [...FIRST.filter((code) => own.has(code)), ...own.keys()];
  const fields = [...new Set(codes)].slice(0, FIELDS).map((code) => {
    const kept = query.filter(([name]) => name !== code && name !== '_cursor');
    return html`<form action="${links.base}/${type}" method="get">
      <label for="f-${code}">${code}</label
      ><input
        type="text"
        id="f-${code}"
        name="${code}"
        value="${query.find(([name]) => name === code)?.[1] ?? ''}"
        placeholder="${HINTS[own.get(code)!.type] ?? ''}"
        required
      />${kept.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    </form>`;
  });
  const criteria = query.filter(([name]) => !name.startsWith('_'));
  const all = criteria.length === 0 ? NOTHING : html`<a href="${links.base}/${type}">all ${type}</a>`;
  return html`<section class="card">
    <h2>Search by</h2>
    <div class="filters">${fields}${all}</div>
  </section>`;
};

const HINTS: Readonly<Record<string, string>> = { date: 'ge2024-01-31', reference: 'Type/id', token: 'code', quantity: 'gt5.4' };

const isPlain = ({ code, type, expression }: SearchParameter): boolean =>
  !code.startsWith('_') && expression !== '' && type !== 'composite' && type !== 'special';
