import { FhirError } from '../http/outcome.ts';
import { JsonSyntaxError, parseJson } from '../json/strict.ts';
import { parseJsonPatch } from './json-patch.ts';
import { parseFhirPathPatch } from './fhirpath-patch.ts';
import type { Patch, PatchLimits } from './patch.ts';
import { parseXmlPatch } from './xml-patch.ts';

export const XML_PATCH = 'application/xml-patch+xml';
export const PATCH_FORMATS = ['application/json-patch+json', XML_PATCH, 'application/fhir+json', 'application/fhir+xml'];

/** The media type in a Content-Type. */
export const mediaOf = (contentType: string | undefined): string => contentType?.split(';', 1)[0]!.trim().toLowerCase() ?? '';

const PARSERS: Readonly<Record<string, (text: string, limits: PatchLimits) => Patch>> = {
  'application/json-patch+json': parseJsonPatch,
  'application/fhir+json': parseFhirPathPatch,
  'application/json': parseFhirPathPatch,
  'application/fhir+xml': parseFhirPathPatch, // XML is JSON by the time that it gets here
  'application/xml': parseFhirPathPatch,
};

/** The patch in a text; throws 415 where its media type is of no patch that this server knows, 400 where it is malformed. */
export const parsePatch = (text: string, contentType: string | undefined, limits: PatchLimits): Patch => {
  const media = mediaOf(contentType);
  if (media === XML_PATCH) return parseXmlPatch(text, limits);
  const parse = Object.hasOwn(PARSERS, media) ? PARSERS[media] : undefined;
  if (parse !== undefined) {
    requireJson(text);
    return parse(text, limits);
  }
  const known = `application/json-patch+json for a JSON Patch, ${XML_PATCH} for an XML Patch, application/fhir+json for a FHIRPath Patch (Parameters)`;
  throw new FhirError('unsupported-media-type', `a patch has another Content-Type than ${media.slice(0, 80) || 'none'}: send ${known}`, {
    expression: 'http.Content-Type',
  });
};

const requireJson = (text: string): void => {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError)
      throw new FhirError('structure', `the patch is not valid JSON: ${error.message}`, { cause: error });
    throw error;
  }
};
