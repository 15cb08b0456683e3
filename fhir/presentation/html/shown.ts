import type { Registry } from '../../definitions/registry.ts';
import type { Json } from '../../json/value.ts';
import type { Links } from './links.ts';
import type { Page } from './page.ts';

export interface Request {
  /** Path and query as they were asked for. */
  readonly url: string;
  readonly status: number;
}

/** What a page is made of. */
export interface Shown extends Request {
  readonly registry: Registry;
  readonly links: Links;
  /** The answer as JSON text. */
  readonly text: string;
  readonly resource: Json;
}

/** The same address with parameters set, or left out where undefined. */
export const withParameters = (url: string, parameters: Readonly<Record<string, string | undefined>>): string => {
  const question = url.indexOf('?');
  const path = question === -1 ? url : url.slice(0, question);
  const query = new URLSearchParams(question === -1 ? '' : url.slice(question + 1));
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) query.delete(name);
    else query.set(name, value);
  }
  return query.size === 0 ? path : `${path}?${query.toString()}`;
};

/** The other forms of what a page shows. */
export const otherForms = (url: string): Page['forms'] => [
  ['JSON', withParameters(url, { _format: 'json', _pretty: 'true' })],
  ['XML', withParameters(url, { _format: 'xml', _pretty: 'true' })],
  ['as stored', withParameters(url, { _format: 'json', _pretty: undefined })],
];
