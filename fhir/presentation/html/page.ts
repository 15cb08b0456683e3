/** The frame of every page: no script, no file from elsewhere, and a policy that lets none in. */
import { randomBytes } from 'node:crypto';
import type { Links } from './links.ts';
import { html, Markup } from './markup.ts';
import { STYLE } from './style.ts';

export interface Page {
  readonly title: string;
  /** Where one is: text and address, from the base on. */
  readonly crumbs: readonly (readonly [text: string, href: string | undefined])[];
  /** Other forms of the same. */
  readonly forms: readonly (readonly [text: string, href: string])[];
  readonly main: (nonce: string) => Markup;
}

export interface Html {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const GATE =
  '<svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><path fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" d="M4 20V9a8 8 0 0 1 16 0v11M8 4.2V21M12 2v20M16 4.2V21M4 10h16M4 15h16"/></svg>';

/** Source: https://www.w3.org/TR/CSP3/ */
const policy = (nonce: string): string =>
  `default-src 'none'; style-src 'nonce-${nonce}'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

export const renderPage = ({ title, crumbs, forms, main }: Page, { base }: Links): Html => {
  const nonce = randomBytes(16).toString('base64');
  const link = ([text, href]: readonly [string, string | undefined]): Markup =>
    href === undefined ? html`<span>${text}</span>` : html`<a href="${href}">${text}</a>`;
  const { text: body } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style nonce="${nonce}">
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <a class="brand" href="${base}/metadata">${new Markup(GATE)} Portcullis</a>
          <nav class="crumbs" aria-label="Where you are">${crumbs.map(link)}</nav>
          <nav class="forms" aria-label="Other forms of this">${forms.map(link)}</nav>
        </header>
        <main>${main(nonce)}</main>
      </body>
    </html> `;
  return {
    body,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy(nonce),
      'cache-control': 'no-store',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    },
  };
};
