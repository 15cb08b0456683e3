/** A refusal as the OperationOutcome that the client can read: XML where it takes nothing else, JSON otherwise. */

/** XML by `_format`, which goes before Accept, or where Accept names XML and neither JSON nor anything at all. */
export const isXmlWanted = (accept: string, path: string): boolean => {
  const format = /[?&]_format=([^&]*)/.exec(path)?.[1];
  return format === undefined || format === '' ? /xml/i.test(accept) && !/json|\*/i.test(accept) : /xml/i.test(format);
};

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export interface Refusal {
  /** OperationOutcome.issue.code */
  readonly code: string;
  readonly diagnostics: string;
}

export interface Body {
  readonly contentType: string;
  readonly text: string;
}

export const inJson = ({ code, diagnostics }: Refusal): Body => ({
  contentType: 'application/fhir+json; charset=utf-8',
  text: JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, diagnostics }] }),
});

export const inXml = ({ code, diagnostics }: Refusal): Body => {
  // XML can't hold control characters, not even escaped.
  // oxlint-disable-next-line no-control-regex -- just these
  const value = diagnostics.replaceAll(/[&<>"]/g, (each) => ESCAPES[each]!).replaceAll(/[\u0000-\u001f\ufffe\uffff]/g, ' ');
  const issue = `<issue><severity value="error"/><code value="${code}"/><diagnostics value="${value}"/></issue>`;
  return {
    contentType: 'application/fhir+xml; charset=utf-8',
    text: `<?xml version="1.0" encoding="UTF-8"?><OperationOutcome xmlns="http://hl7.org/fhir">${issue}</OperationOutcome>`,
  };
};
