import { FhirError } from '../http/outcome.ts';
import { JsonSyntaxError, parseJson } from '../json/strict.ts';
import { parseJsonPatch } from './json-patch.ts';
import { parseFhirPathPatch } from './fhirpath-patch.ts';
import type { Patch, PatchLimits } from './patch.ts';

export const PATCH_FORMATS = ['application/json-patch+json', 'application/fhir+json', 'application/fhir+xml'];

const PARSERS: Readonly<Record<string, (text: string, limits: PatchLimits) => Patch>> = {
  'application/json-patch+json': parseJsonPatch,
  'application/fhir+json': parseFhirPathPatch,
  'application/json': parseFhirPathPatch,
  'application/fhir+xml': parseFhirPathPatch, // XML is JSON by the time that it gets here
  'application/xml': parseFhirPathPatch,
};

/** The patch in a text; throws 415 where its media type is of no patch that this server knows, 400 where it is no valid JSON. */
export const parsePatch = (text: string, contentType: string | undefined, limits: PatchLimits): Patch => {
  const media = contentType?.split(';', 1)[0]!.trim().toLowerCase() ?? '';
  const parse = Object.hasOwn(PARSERS, media) ? PARSERS[media] : undefined;
  if (parse !== undefined) {
    requireJson(text);
    return parse(text, limits);
  }
  const known = 'application/json-patch+json for a JSON Patch, application/fhir+json for a FHIRPath Patch (Parameters)';
  throw new FhirError(
    'unsupported-media-type',
    media === 'application/xml-patch+xml'
      ? `XML Patch is not offered: send ${known}`
      : `a patch has another Content-Type than ${media.slice(0, 80) || 'none'}: send ${known}`,
    { expression: 'http.Content-Type' },
  );
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
