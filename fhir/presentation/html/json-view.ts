/** JSON in colours, with references as links; every string and number is shown as it is written. */
import { skipString } from '../../json/text.ts';
import { indented } from '../indented.ts';
import type { Links } from './links.ts';
import { escapeText, html, Markup } from './markup.ts';

/** More than that is no reading matter: the page links to it instead. */
const MAX_SHOWN = 400_000;

/** Members whose strings may be links. */
const LINKED = /^(?:reference|fullUrl|url|location|profile|definition|instantiatesCanonical|value(?:Uri|Url|Canonical))$/;

export const jsonView = (text: string, links: Links, rawHref: string): Markup => {
  if (text.length > MAX_SHOWN) return html`<p class="quiet">The JSON is long: <a href="${rawHref}">see it alone</a>.</p>`;
  return html`<pre class="json">${coloured(indented(text), links)}</pre>`;
};

const WORD = /[^\s",:[\]{}]+/y;

const coloured = (text: string, links: Links): Markup => {
  let out = '';
  let key = '';
  for (let i = 0; i < text.length;) {
    const character = text[i]!;
    if (character === '"') {
      const end = skipString(text, i);
      const string = text.slice(i, end);
      if (text[end] === ':') {
        key = string.slice(1, -1);
        out += `<span class="k">${escapeText(string)}</span>`;
      } else out += stringView(string, key, links);
      i = end;
      continue;
    }
    WORD.lastIndex = i;
    const word = WORD.exec(text)?.[0];
    if (word === undefined) {
      out += character;
      i++;
    } else {
      out += `<span class="${/^[-\d]/.test(word) ? 'n' : 'w'}">${escapeText(word)}</span>`;
      i += word.length;
    }
  }
  return new Markup(out);
};

const stringView = (string: string, key: string, links: Links): string => {
  const href = LINKED.test(key) ? links.href(JSON.parse(string) as string) : undefined;
  const inside = escapeText(string.slice(1, -1));
  return href === undefined
    ? `<span class="s">"${inside}"</span>`
    : `<span class="s">"<a href="${escapeText(href)}" rel="noreferrer noopener">${inside}</a>"</span>`;
};
