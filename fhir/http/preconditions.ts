/** Version-aware headers. Source: http://hl7.org/fhir/R4/http.html#concurrency */
import { FhirError } from './outcome.ts';

export const etagOf = (version: number | string): string => `W/"${version}"`;

const ETAG = /^\s*(?:W\/)?"([^"]{1,64})"\s*$/;
/** As R4's own example of an update has it. Source: http://hl7.org/fhir/R4/overview-dev.html */
const BARE = /^\s*(\d+)\s*$/;

/** The newest version of a resource, as far as conditions look at it; a null body is of a version that deletes. */
interface Current {
  readonly version: number;
  readonly body: string | null;
}

/** `*` for any version that isn't deleted, else one of these. */
export type Demanded = '*' | readonly number[];

/** The versions that If-Match demands, undefined without the header; 400 where it holds something else than ETags. */
export const parseIfMatch = (header: string | undefined): Demanded | undefined => {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return '*';
  return header.split(',').map((tag) => {
    const version = (ETAG.exec(tag) ?? BARE.exec(tag))?.[1];
    if (version !== undefined && /^\d{1,9}$/.test(version)) return Number(version);
    throw new FhirError(
      'value',
      `If-Match: ${header.slice(0, 80)} is no version: send the ETag of the version you have read, such as W/"3"`,
      {
        expression: 'http.If-Match',
      },
    );
  });
};

/** Throws 412 unless the current version (undefined: there is none) is one that is demanded. */
export const requireMatch = (demanded: Demanded | undefined, current: Current | undefined): void => {
  if (demanded === undefined) return;
  if (current !== undefined && (demanded === '*' ? current.body !== null : demanded.includes(current.version))) return;
  const asked = demanded === '*' ? '*' : demanded.slice(0, 5).join(' or ');
  throw new FhirError(
    'precondition',
    current === undefined
      ? `If-Match asks for version ${asked}, but the resource doesn't exist: leave the header out to create it`
      : `If-Match asks for version ${asked}, but the resource is ${current.body === null ? 'deleted, ' : ''}at version ${current.version}: read it again and repeat your change`,
    { expression: 'http.If-Match' },
  );
};

/** Throws 412 where a write shall only be done without what there is: `*` stands for any version that isn't deleted. */
export const requireNoneMatch = (header: string | undefined, current: Current | undefined): void => {
  if (header === undefined) return;
  const tags = parseIfNoneMatch(header);
  if (current === undefined) return;
  if (tags === '*' ? current.body === null : !tags.includes(String(current.version))) return;
  throw new FhirError(
    'precondition',
    `If-None-Match: ${header.slice(0, 80)} asks that this isn't there, but the resource is at version ${current.version}`,
    { expression: 'http.If-None-Match' },
  );
};

const parseIfNoneMatch = (header: string): '*' | readonly string[] => {
  if (header.trim() === '*') return '*';
  return header.split(',').map((tag) => {
    const version = ETAG.exec(tag)?.[1];
    if (version !== undefined) return version;
    throw new FhirError('value', `If-None-Match: ${header.slice(0, 80)} holds no ETags: send * or such as W/"3"`, {
      expression: 'http.If-None-Match',
    });
  });
};

/** Whether If-None-Match names the version, so that a conditional read answers 304; 400 where it holds something else than ETags. */
export const noneMatch = (header: string | undefined, version: number | string): boolean => {
  if (header === undefined) return false;
  const tags = parseIfNoneMatch(header);
  return tags === '*' || tags.includes(String(version));
};

/** The three forms of an HTTP-date. Source: RFC 9110, section 5.6.7 */
const HTTP_DATE = /^(?:(?:\w{3}, \d\d \w{3} \d{4}|\w{6,9}, \d\d-\w{3}-\d\d) \d\d:\d\d:\d\d GMT|\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})$/;

/** Whether nothing newer than If-Modified-Since (seconds) is there; a malformed date counts as absent, as HTTP demands. */
export const notModifiedSince = (header: string | undefined, updatedMs: number): boolean => {
  // Date.parse alone would read a date in "garbage 7", and one without a zone as of this machine's.
  if (header === undefined || !HTTP_DATE.test(header)) return false;
  const since = Date.parse(header.endsWith('GMT') ? header : `${header} GMT`);
  return Math.floor(updatedMs / 1000) * 1000 <= since;
};
