import { STATUS_CODES } from 'node:http';
import { isObject } from '../../json/value.ts';
import { jsonView } from './json-view.ts';
import { html, Markup, NOTHING } from './markup.ts';
import type { Page } from './page.ts';
import { otherForms, type Shown, withParameters } from './shown.ts';

const SEVERITIES = new Set(['fatal', 'error', 'warning', 'information']);

/** Source: http://hl7.org/fhir/R4/operationoutcome.html */
export const outcomePage = ({ links, text, resource, url, status }: Shown): Page => {
  const heading = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  return {
    title: heading,
    crumbs: [['OperationOutcome', undefined]],
    forms: otherForms(url),
    main: () =>
      html`<h1>${heading}</h1>
        ${issues(resource['issue'])}
        <section class="card">
          <details>
            <summary>JSON</summary>
            ${jsonView(text, links, withParameters(url, { _format: 'json' }))}
          </details>
        </section>`,
  };
};

export const issues = (list: unknown): readonly Markup[] =>
  (Array.isArray(list) ? list : []).filter(isObject).map((issue) => {
    const severity = String(issue['severity']);
    const details = isObject(issue['details']) ? issue['details']['text'] : undefined;
    const expression = Array.isArray(issue['expression']) ? issue['expression'].join(', ') : '';
    return html`<section class="card issue ${SEVERITIES.has(severity) ? severity : ''}">
      <p>${String(issue['diagnostics'] ?? details ?? '')}</p>
      <div class="quiet">
        ${severity} · ${String(issue['code'])}${expression === '' ? NOTHING : html` · <span class="mono">${expression}</span>`}
      </div>
    </section>`;
  });
