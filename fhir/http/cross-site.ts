import { FhirError } from './outcome.ts';

/** Media types that a page of another site may send without asking first. Source: https://fetch.spec.whatwg.org/#cors-safelisted-request-header */
const SAFELISTED = /^\s*(?:text\/plain|application\/x-www-form-urlencoded|multipart\/form-data)\s*(?:;|$)/i;

/**
 * Refuses a POST that a browser sends because a page of another site makes it, with the certificate of whoever sits before it: such a page
 * needs nobody's leave as long as it names no other media type, or none at all. Everything else a browser asks for first, and this server
 * never says yes. Browsers say where a request comes from, and pages can't. Source: https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export const refuseCrossSite = (method: string, header: (name: string) => string | undefined): void => {
  if (method !== 'POST') return;
  const site = header('sec-fetch-site');
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  const contentType = header('content-type') ?? '';
  if (contentType.trim() === '' || SAFELISTED.test(contentType))
    throw new FhirError('forbidden', 'a page of another site has sent this: it must say Content-Type: application/fhir+json');
};
