import type { Registry } from '../../definitions/registry.ts';
import { isObject, type Json } from '../../json/value.ts';
import { typeKeys } from '../type-keys.ts';
import { html, Markup, NOTHING } from './markup.ts';
import { nameOf, timeText } from './resource-page.ts';
import type { Shown } from './shown.ts';
import { valueView } from './value-view.ts';

const COLUMNS = 6;
const APART = new Set(['id', 'meta', 'implicitRules', 'language', 'identifier', 'contained', 'photo']);

/** A resource of a table. */
export interface Listed {
  readonly resource: Json;
  /** `Type/id` of what it is contained in. */
  readonly container: string | undefined;
}

/** A table for each type, its columns the summary elements that any of the rows has. */
export const resourceTables = (shown: Shown, resources: readonly Listed[], suffix: string): readonly Markup[] => {
  const byType = new Map<string, Listed[]>();
  for (const listed of resources) {
    const type = String(listed.resource['resourceType']);
    const known = byType.get(type);
    if (known === undefined) byType.set(type, [listed]);
    else known.push(listed);
  }
  const withHeading = byType.size > 1 || suffix !== '';
  return [...byType].map(([type, rows]) => table(shown, type, rows, withHeading ? `${type}${suffix}` : ''));
};

interface Column {
  readonly heading: string;
  /** The members that stand for it: more than one for a choice. */
  readonly keys: readonly (readonly [key: string, type: string])[];
}

const columnsOf = (registry: Registry, type: string, rows: readonly Listed[]): Column[] => {
  const byElement = new Map<string, (readonly [string, string])[]>();
  for (const [key, { element, type: datatype }] of typeKeys(registry, type).all) {
    if (!element.isSummary || APART.has(element.name) || registry.type(datatype)?.kind === 'backbone') continue;
    if (!rows.some(({ resource }) => resource[key] !== undefined)) continue;
    const known = byElement.get(element.name);
    if (known === undefined) byElement.set(element.name, [[key, datatype]]);
    else known.push([key, datatype]);
  }
  return [...byElement].slice(0, COLUMNS).map(([heading, keys]) => ({ heading, keys }));
};

const table = ({ registry, links }: Shown, type: string, rows: readonly Listed[], heading: string): Markup => {
  const columns = columnsOf(registry, type, rows);
  const cell = (row: Json, { keys }: Column): Markup => {
    const [key, datatype] = keys.find(([each]) => row[each] !== undefined) ?? [];
    return html`<td>${key === undefined ? NOTHING : valueView(row[key], datatype!, links)}</td>`;
  };
  const line = ({ resource: row, container }: Listed): Markup => {
    const href = links.href(container ?? `${type}/${String(row['id'])}`);
    const id = html`<span class="mono">${String(row['id'])}</span>`;
    const updated = isObject(row['meta']) ? timeText(row['meta']['lastUpdated']) : '';
    return html`<tr>
      <td class="id">${href === undefined ? id : html`<a href="${href}" title="${nameOf(registry, type, row)}">${id}</a>`}</td>
      ${columns.map((column) => cell(row, column))}
      <td class="quiet">${updated}</td>
    </tr> `;
  };
  return html`<section class="card">
    ${heading === '' ? NOTHING : html`<h2>${heading}</h2>`}
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>id</th>
            ${columns.map(({ heading: name }) => html`<th>${name}</th>`)}
            <th>updated</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(line)}
        </tbody>
      </table>
    </div>
  </section>`;
};
