/** A Bundle that the server made, as tables: what was found, versions, or what became of each entry of a batch. */
import { STATUS_CODES } from 'node:http';
import { isObject, type Json } from '../../json/value.ts';
import { filters } from './filters.ts';
import { jsonView } from './json-view.ts';
import { html, Markup, NOTHING } from './markup.ts';
import { issues } from './outcome-page.ts';
import type { Page } from './page.ts';
import { timeText } from './resource-page.ts';
import { otherForms, type Shown, withParameters } from './shown.ts';
import { type Listed, resourceTables } from './resource-table.ts';

export const bundlePage = (shown: Shown): Page => {
  const { links, text, resource, url, status } = shown;
  const entries = (Array.isArray(resource['entry']) ? resource['entry'] : []).filter(isObject);
  const path = url.split('?', 1)[0]!.slice(links.base.length).split('/').filter(Boolean);
  const type = path[0] !== undefined && shown.registry.isResourceType(path[0]) ? path[0] : undefined;
  const kind = String(resource['type']);
  const total = resource['total'] === undefined ? undefined : String(resource['total']);
  const heading = kind === 'searchset' ? `${type ?? 'Search'}` : kind === 'history' ? 'History' : `${status} ${STATUS_CODES[status] ?? ''}`;
  return {
    title: [path.join('/'), kind === 'searchset' ? 'search' : kind].filter(Boolean).join(' · '),
    crumbs: path.map((part, i) => [part, i === path.length - 1 ? undefined : `${links.base}/${path.slice(0, i + 1).join('/')}`] as const),
    forms: otherForms(url),
    main: () =>
      html`<h1>${heading} <span class="kind">${kind === 'searchset' ? 'search' : path.slice(0, -1).join('/')}</span></h1>
        <ul class="facts">
          ${counts(entries, total)}
        </ul>
        ${kind === 'searchset' && type !== undefined && path.length === 1 ? filters(shown, type) : NOTHING}
        ${kind === 'searchset' ? found(shown, entries) : history(shown, entries)} ${pages(shown)}
        <section class="card">
          <details>
            <summary>JSON</summary>
            ${jsonView(text, links, withParameters(url, { _format: 'json', _pretty: 'true' }))}
          </details>
        </section>`,
  };
};

const modeOf = ({ search }: Json): string => (isObject(search) ? String(search['mode']) : 'match');

const counts = (entries: readonly Json[], total: string | undefined): Markup => {
  const of = (mode: string): number => entries.filter((entry) => modeOf(entry) === mode).length;
  const fact = (count: number | string, what: string): Markup => html`<li>${count} <b>${what}</b></li>`;
  return html`${fact(of('match'), 'here')}${total === undefined ? NOTHING : fact(total, 'in all')}${of('include') === 0 ? NOTHING : fact(of('include'), 'came along')}`;
};

const found = (shown: Shown, entries: readonly Json[]): Markup => {
  const of = (mode: string): readonly Listed[] =>
    entries
      .filter((entry) => modeOf(entry) === mode)
      .flatMap(({ fullUrl, resource }) => (isObject(resource) ? { resource, container: containerIn(fullUrl) } : []));
  const outcomes = of('outcome').flatMap(({ resource }) => issues(resource['issue']));
  if (entries.length === outcomes.length)
    return html`${outcomes}
      <section class="card quiet">Nothing to show here.</section>`;
  return html`${outcomes}${resourceTables(shown, of('match'), '')}${resourceTables(shown, of('include'), ' that came along')}`;
};

/** What a fragment of an address says that it is contained in. */
const containerIn = (fullUrl: unknown): string | undefined => /([A-Za-z]+\/[^/#]+)#/.exec(String(fullUrl ?? ''))?.[1];

const history = ({ links }: Shown, entries: readonly Json[]): Markup => {
  if (entries.length === 0) return html`<section class="card quiet">Nothing to show here.</section>`;
  const rows = entries.map((entry) => {
    const request = isObject(entry['request']) ? entry['request'] : {};
    const response = isObject(entry['response']) ? entry['response'] : {};
    const resource = isObject(entry['resource']) ? entry['resource'] : undefined;
    const meta = resource !== undefined && isObject(resource['meta']) ? resource['meta'] : {};
    const version = /^W\/"(\d+)"$/.exec(String(response['etag'] ?? ''))?.[1];
    const place =
      links.href(String(entry['fullUrl'] ?? '')) ??
      (resource === undefined ? undefined : links.href(`${String(resource['resourceType'])}/${String(resource['id'])}`));
    const name = place === undefined ? String(request['url'] ?? response['location'] ?? '') : place.slice(links.base.length + 1);
    const outcome = isObject(response['outcome']) ? issues(response['outcome']['issue']) : [];
    return html`<tr>
      <td class="id">${place === undefined ? name : html`<a href="${place}">${name}</a>`}${outcome}</td>
      <td>
        ${version === undefined || place === undefined ? (version ?? '') : html`<a href="${place}/_history/${version}">${version}</a>`}
      </td>
      <td>${timeText(response['lastModified'] ?? meta['lastUpdated'])}</td>
      <td>${String(request['method'] ?? '')}</td>
      <td>${String(response['status'] ?? '')}</td>
    </tr> `;
  });
  return html`<section class="card scroll">
    <table>
      <thead>
        <tr>
          <th>Resource</th>
          <th>Version</th>
          <th>When</th>
          <th>By</th>
          <th>Status</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </section>`;
};

const RELATIONS = { first: '« first', previous: '‹ previous', prev: '‹ previous', next: 'next ›', last: 'last »' } as const;

const pages = ({ links, resource, url }: Shown): Markup => {
  const list = (Array.isArray(resource['link']) ? resource['link'] : []).filter(isObject);
  const shown = (Object.keys(RELATIONS) as (keyof typeof RELATIONS)[]).flatMap((relation) => {
    const address = list.find((each) => each['relation'] === relation)?.['url'];
    const href = typeof address === 'string' ? links.href(address) : undefined;
    return href === undefined ? [] : [html`<a rel="${relation}" href="${keepFormat(href, url)}">${RELATIONS[relation]}</a>`];
  });
  return shown.length === 0 ? NOTHING : html`<nav class="pages" aria-label="Pages">${shown}</nav>`;
};

// Who asked for HTML by _format keeps it from page to page; a browser needs no such thing.
const keepFormat = (href: string, url: string): string => {
  const format = new URLSearchParams(url.split('?')[1] ?? '').get('_format');
  return format === null ? href : withParameters(href, { _format: format });
};
