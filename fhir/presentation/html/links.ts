import type { Registry } from '../../definitions/registry.ts';

/** Where a page's links lead: into this server by path alone, so that a page works behind any name; elsewhere only by http and https. */
export interface Links {
  /** The base's path, without a slash at the end. */
  readonly base: string;
  /** Of a reference or an address; undefined where it had better be no link. */
  readonly href: (value: string) => string | undefined;
}

const REFERENCE = /^([A-Z][A-Za-z]{1,63})\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
const INSIDE = /^\/(?:[A-Za-z_$?][^\s\\]*)?$/;

export const createLinks = (registry: Registry, baseUrl: string): Links => {
  const base = new URL(baseUrl).pathname.replace(/\/$/, '');
  return {
    base,
    href: (value) => {
      const type = REFERENCE.exec(value)?.[1];
      if (type !== undefined) return registry.isResourceType(type) ? `${base}/${value}` : undefined;
      if (value.startsWith(baseUrl)) {
        const rest = value.slice(baseUrl.length);
        if (INSIDE.test(rest)) return `${base}${rest}`;
      }
      return /^https?:\/\/[^\s"'<>\\]+$/i.test(value) && URL.canParse(value) ? value : undefined;
    },
  };
};
