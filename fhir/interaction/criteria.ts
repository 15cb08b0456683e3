/**
 * The criteria of a conditional create: only a query is asked for, but clients such as HAPI's write `Patient?identifier=…` or the whole
 * address. Source: http://hl7.org/fhir/R4/http.html#ccreate
 */
export const criteriaOf = (written: string): string => written.trim().replace(/^[^?=&]*\?/, '');
