import { isObject, type Json } from '../../json/value.ts';
import { html, Markup, NOTHING } from './markup.ts';
import type { Page } from './page.ts';
import { otherForms, type Shown } from './shown.ts';

const objects = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
const codes = (value: unknown, name: string): string =>
  objects(value)
    .map((each) => String(each[name]))
    .join(', ');

/** What is served, each type with its search. Source: http://hl7.org/fhir/R4/capabilitystatement.html */
export const capabilityPage = ({ links, resource, url }: Shown): Page => {
  const [rest = {}] = objects(resource['rest']);
  const software = isObject(resource['software']) ? resource['software'] : {};
  const { description } = isObject(resource['implementation']) ? resource['implementation'] : {};
  const security = isObject(rest['security']) ? rest['security']['description'] : undefined;
  const types = objects(rest['resource']);
  return {
    title: `${String(software['name'] ?? 'FHIR')} · what is served`,
    crumbs: [['metadata', undefined]],
    forms: otherForms(url),
    main: () =>
      html`<h1>${String(description ?? 'What is served')}</h1>
        <ul class="facts">
          <li><b>software</b> ${String(software['name'] ?? '')} ${String(software['version'] ?? '')}</li>
          <li><b>FHIR</b> ${String(resource['fhirVersion'] ?? '')}</li>
          <li><b>since</b> ${String(resource['date'] ?? '')}</li>
          <li><b>types</b> ${types.length}</li>
          <li><b>on all of it</b> ${codes(rest['interaction'], 'code')}</li>
        </ul>
        ${
          security === undefined
            ? NOTHING
            : html`<section class="card">
                <h2>Who may</h2>
                ${String(security)}
              </section>`
        }
        <section class="card">
          <h2>Resource types</h2>
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Type</th>
                  <th>History</th>
                  <th>Interactions</th>
                  <th>Search parameters</th>
                </tr>
              </thead>
              <tbody>
                ${types.map((type) => row(type, links.base))}
              </tbody>
            </table>
          </div>
        </section>`,
  };
};

const row = (type: Json, base: string): Markup => {
  const name = String(type['type']);
  const parameters = objects(type['searchParam']);
  return html`<tr>
    <td><a href="${base}/${name}">${name}</a></td>
    <td><a href="${base}/${name}/_history">history</a></td>
    <td class="quiet">${codes(type['interaction'], 'code')}</td>
    <td>
      <details>
        <summary>${parameters.length}</summary>
        ${parameters.map((parameter) => String(parameter['name'])).join(', ')}
      </details>
    </td>
  </tr> `;
};
