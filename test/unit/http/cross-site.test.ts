import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { refuseCrossSite } from '../../../fhir/http/cross-site.ts';
import type { FhirError } from '../../../fhir/http/outcome.ts';

const JSON_TYPE = 'application/fhir+json';

for (const [what, method, site, contentType, isRefused] of [
  ['a program, which says nothing of sites', 'POST', undefined, undefined, false],
  ['a page of this server', 'POST', 'same-origin', undefined, false],
  ['whoever sits before the browser', 'POST', 'none', 'text/plain', false],
  ['another site, with a type that it must ask for', 'POST', 'cross-site', JSON_TYPE, false],
  ['another site, by a method that it must ask for', 'PUT', 'cross-site', 'text/plain', false],
  ['another site, without a type', 'POST', 'cross-site', undefined, true],
  ['another site, with an empty type', 'POST', 'cross-site', ' ', true],
  ['another site, as text', 'POST', 'cross-site', 'Text/Plain;charset=utf-8', true],
  ['another site, as a form', 'POST', 'cross-site', 'application/x-www-form-urlencoded', true],
  ['another site, as a form of parts', 'POST', 'cross-site', 'multipart/form-data; boundary=x', true],
  ['another host of this site', 'POST', 'same-site', undefined, true],
  ['what no browser says', 'POST', 'elsewhere', undefined, true],
] as const)
  test(`a ${method} of ${what} is ${isRefused ? 'refused' : 'taken'}`, () => {
    const headers: Readonly<Record<string, string | undefined>> = { 'sec-fetch-site': site, 'content-type': contentType };
    const ask = (): void => refuseCrossSite(method, (name) => headers[name]);
    if (isRefused) assert.throws(ask, (error: FhirError) => error.status === 403);
    else ask();
  });

test.run();
