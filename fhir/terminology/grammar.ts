/**
 * Code systems that are a grammar and no list, so that nobody can load them: units of UCUM, media types, languages.
 * Source: http://hl7.org/fhir/R4/terminologies-systems.html, https://ucum.org/ucum, https://www.rfc-editor.org/rfc/rfc6838#section-4.2,
 * https://www.rfc-editor.org/rfc/rfc5646
 */
import { canonicalUnit, UCUM } from '../search/ucum.ts';
import { type CodeSystem, type Concept, splitCanonical, type TerminologySource } from './resources.ts';

/** What a code stands for; undefined where it is none. */
type ReadCode = (code: string) => Concept | undefined;

const NAME = String.raw`[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}`;
// With parameters, as in application/fhir+json; fhirVersion=4.0.
const MEDIA_TYPE = new RegExp(String.raw`^${NAME}/${NAME}(?:\s*;\s*[\w!#$&^.+-]{1,100}=(?:"[^"]{0,200}"|[\w!#$&^./+-]{1,200})){0,10}$`);

const MAX_CODE = 500;
const LANGUAGE = new Intl.DisplayNames('en', { type: 'language', languageDisplay: 'standard', fallback: 'none' });

const language: ReadCode = (code) => {
  try {
    const { language: own } = new Intl.Locale(code);
    if (own === undefined || LANGUAGE.of(own) === undefined) return undefined;
    const display = LANGUAGE.of(code);
    return { code, ...(display !== undefined && { display }) };
  } catch {
    return undefined; // no tag at all
  }
};

const GRAMMARS: ReadonlyMap<string, { readonly name: string; readonly read: ReadCode }> = new Map([
  [UCUM, { name: 'Unified Code for Units of Measure (UCUM)', read: (code) => (canonicalUnit(code) === undefined ? undefined : { code }) }],
  ['urn:ietf:bcp:13', { name: 'Media types (BCP 13)', read: (code) => (MEDIA_TYPE.test(code) ? { code } : undefined) }],
  ['urn:ietf:bcp:47', { name: 'Tags for the identification of languages (BCP 47)', read: language }],
]);

/** A code system of which only those of some codes are there that it has; undefined where it isn't one of these, or a version of it is meant. */
export const grammarSystem = (canonical: string, codes: readonly string[]): CodeSystem | undefined => {
  const [url, version] = splitCanonical(canonical);
  const grammar = version === undefined ? GRAMMARS.get(url) : undefined;
  if (grammar === undefined) return undefined;
  const concept = [...new Set(codes)].flatMap((code) => (code.length > MAX_CODE ? [] : (grammar.read(code) ?? [])));
  return { resourceType: 'CodeSystem', url, title: grammar.name, status: 'active', content: 'complete', concept };
};

/** The same source for a question about some codes alone. */
export const withGrammars = (source: TerminologySource, codes: readonly string[]): TerminologySource => ({
  effort: source.effort,
  valueSet: source.valueSet,
  codeSystem: (canonical) => {
    const known = source.codeSystem(canonical);
    return known?.content === 'complete' ? known : (grammarSystem(canonical, codes) ?? known);
  },
});
