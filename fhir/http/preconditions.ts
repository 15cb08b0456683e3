/** Version-aware headers. Source: http://hl7.org/fhir/R4/http.html#concurrency */
import { FhirError } from './outcome.ts';

export const etagOf = (version: number): string => `W/"${version}"`;

const ETAG = /^\s*(?:W\/)?"([^"]{1,64})"\s*$/;

/** The version that If-Match demands, `*` for any, undefined without the header; 400 where it is no ETag. */
export const parseIfMatch = (header: string | undefined): number | '*' | undefined => {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return '*';
  const version = ETAG.exec(header)?.[1];
  if (version === undefined || !/^\d{1,9}$/.test(version)) {
    throw new FhirError(
      'value',
      `If-Match: ${header.slice(0, 80)} is no version: send the ETag of the version you have read, such as W/"3"`,
      {
        expression: 'http.If-Match',
      },
    );
  }
  return Number(version);
};

/** Throws 412 unless the current version (undefined: there is none) is the one demanded. */
export const requireMatch = (demanded: number | '*' | undefined, current: number | undefined): void => {
  if (demanded === undefined || (demanded === '*' && current !== undefined) || demanded === current) return;
  throw new FhirError(
    'precondition',
    current === undefined
      ? `If-Match asks for version ${demanded}, but the resource doesn't exist: leave the header out to create it`
      : `If-Match asks for version ${demanded}, but the resource is at version ${current}: read it again and repeat your change`,
    { expression: 'http.If-Match' },
  );
};

/** Whether If-None-Match names the version, so that a conditional read answers 304. */
export const noneMatch = (header: string | undefined, version: number): boolean =>
  header !== undefined && header.split(',').some((tag) => tag.trim() === '*' || ETAG.exec(tag)?.[1] === String(version));

/** Whether nothing newer than If-Modified-Since (seconds) is there; a malformed date counts as absent, as HTTP demands. */
export const notModifiedSince = (header: string | undefined, updatedMs: number): boolean => {
  const since = header === undefined ? Number.NaN : Date.parse(header);
  return Math.floor(updatedMs / 1000) * 1000 <= since;
};
