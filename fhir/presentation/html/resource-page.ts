import type { Registry } from '../../definitions/registry.ts';
import { isObject, type Json } from '../../json/value.ts';
import { typeKeys } from '../type-keys.ts';
import { jsonView } from './json-view.ts';
import { escapeText, html, Markup, NOTHING } from './markup.ts';
import type { Page } from './page.ts';
import { otherForms, type Shown, withParameters } from './shown.ts';
import { NARRATIVE_STYLE } from './style.ts';
import { valueText, valueView } from './value-view.ts';

/** Elements that name a resource, the best first. */
const NAMING = [
  'name',
  'title',
  'code',
  'vaccineCode',
  'medicationCodeableConcept',
  'medicationReference',
  'type',
  'description',
  'identifier',
];
/** Elements that are shown elsewhere on the page, or to machines only. */
const APART = new Set(['id', 'meta', 'implicitRules', 'language', 'text', 'contained', 'extension', 'modifierExtension']);

/** What a person would call it; empty where nothing says. */
export const nameOf = (registry: Registry, type: string, resource: Json): string => {
  const { all } = typeKeys(registry, type);
  for (const key of NAMING) {
    const value = resource[key];
    if (value === undefined || !all.has(key)) continue;
    const shown = valueText(Array.isArray(value) ? value[0] : value, all.get(key)!.type);
    if (shown !== '') return shown;
  }
  return '';
};

export const timeText = (instant: unknown): string =>
  typeof instant === 'string'
    ? instant
        .replace('T', ' ')
        .replace(/(:\d\d)\.\d+/, '$1')
        .replace(/Z$/, ' UTC')
    : '';

export const resourcePage = ({ registry, links, text, resource, url }: Shown): Page => {
  const type = String(resource['resourceType']);
  const id = typeof resource['id'] === 'string' ? resource['id'] : undefined;
  const meta = isObject(resource['meta']) ? resource['meta'] : {};
  const name = nameOf(registry, type, resource);
  const place = id === undefined ? undefined : `${links.base}/${type}/${id}`;
  const isStored = place !== undefined && typeof meta['versionId'] === 'string';
  return {
    title: [name, id === undefined ? type : `${type}/${id}`].filter(Boolean).join(' · '),
    crumbs: [
      [type, registry.isResourceType(type) ? `${links.base}/${type}` : undefined],
      ...(id === undefined ? [] : [[id, isStored ? place : undefined] as const]),
    ],
    forms: otherForms(url),
    main: (nonce) =>
      html`<h1><bdi>${name || id || type}</bdi> <span class="kind">${type}</span></h1>
        <ul class="facts">
          ${
            isStored
              ? html`<li><b>version</b> <a href="${place}/_history/${String(meta['versionId'])}">${String(meta['versionId'])}</a></li>
                  <li><b>updated</b> ${timeText(meta['lastUpdated'])}</li>
                  <li><a href="${place}/_history">history</a></li>`
              : NOTHING
          }
          ${partial(meta) ? html`<li>part of it only: <a href="${withParameters(url, { _summary: undefined, _elements: undefined })}">see all</a></li>` : NOTHING}
        </ul>
        <div class="two">${glance({ registry, links, resource }, type)}${narrative(resource['text'], nonce)}</div>
        ${type === 'Patient' && id !== undefined && isStored ? compartment(registry, links.base, id) : NOTHING}
        <section class="card">
          <h2>JSON</h2>
          ${jsonView(text, links, withParameters(url, { _format: 'json', _pretty: 'true' }))}
        </section>`,
  };
};

const partial = (meta: Json): boolean =>
  Array.isArray(meta['tag']) && meta['tag'].some((tag: unknown) => isObject(tag) && tag['code'] === 'SUBSETTED');

const label = (key: string): string => key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** The elements of the root with their values, in the order of the specification. */
const glance = ({ registry, links, resource }: Pick<Shown, 'registry' | 'links' | 'resource'>, type: string): Markup => {
  const rows: Markup[] = [];
  for (const [key, { element, type: datatype }] of typeKeys(registry, type).all) {
    if (APART.has(key) || resource[key] === undefined) continue;
    const view = valueView(resource[key], datatype, links);
    if (view.text !== '')
      rows.push(
        html`<dt>${label(element.isChoice ? element.name : key)}</dt>
          <dd>${view}</dd>`,
      );
  }
  return rows.length === 0
    ? NOTHING
    : html`<section class="card">
        <h2>At a glance</h2>
        <dl>${rows}</dl>
      </section>`;
};

/**
 * The narrative in a frame of its own that may run nothing, load nothing, submit nothing and lead nowhere: the sandbox says so, and the
 * page's policy holds inside of it too. Source: http://hl7.org/fhir/R4/narrative.html#security
 */
const narrative = (text: unknown, nonce: string): Markup => {
  const div = isObject(text) && typeof text['div'] === 'string' ? text['div'] : '';
  if (div === '') return NOTHING;
  const document = `<!doctype html><meta charset="utf-8"><style nonce="${nonce}">${NARRATIVE_STYLE}</style>${div}`;
  return html`<section class="card">
    <h2>Narrative</h2>
    <iframe sandbox="" title="Narrative" srcdoc="${new Markup(escapeText(document))}"></iframe>
  </section>`;
};

/** What belongs to a patient, a search each. Source: http://hl7.org/fhir/R4/compartmentdefinition-patient.html */
const compartment = (registry: Registry, base: string, id: string): Markup => {
  const searches = registry.resourceTypes.flatMap((type) => {
    const codes = registry.compartment('Patient', type).filter((code) => registry.searchParameter(type, code) !== undefined);
    const code = ['patient', 'subject'].find((each) => codes.includes(each)) ?? codes[0];
    return code === undefined || type === 'Patient' ? [] : [html`<a href="${base}/${type}?${code}=Patient/${id}">${type}</a>`];
  });
  return html`<section class="card">
    <details>
      <summary>What belongs to this patient</summary>
      <div class="chips">${searches}</div>
    </details>
  </section>`;
};
