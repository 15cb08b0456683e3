/** The page for an answer: a resource, a Bundle as a table, what was refused, or what is served. */
import type { Registry } from '../../definitions/registry.ts';
import { isObject } from '../../json/value.ts';
import { bundlePage } from './bundle-page.ts';
import { capabilityPage } from './capability-page.ts';
import { createLinks } from './links.ts';
import { outcomePage } from './outcome-page.ts';
import { type Html, type Page, renderPage } from './page.ts';
import { resourcePage } from './resource-page.ts';
import type { Request, Shown } from './shown.ts';
import { parseAsWritten } from './value-view.ts';

const PAGES: Readonly<Record<string, ((shown: Shown) => Page) | undefined>> = {
  Bundle: bundlePage,
  OperationOutcome: outcomePage,
  CapabilityStatement: capabilityPage,
};

export const showHtml = (text: string, request: Request, { registry, baseUrl }: { registry: Registry; baseUrl: string }): Html => {
  const links = createLinks(registry, baseUrl);
  const resource = parseAsWritten(text);
  const type = String(resource['resourceType']);
  // A Bundle that is stored is a resource like others; those that the server makes have no version.
  const isStored = isObject(resource['meta']) && resource['meta']['versionId'] !== undefined;
  const page = (isStored ? undefined : PAGES[type]) ?? resourcePage;
  return renderPage(page({ registry, links, text, resource, ...request }), links);
};
