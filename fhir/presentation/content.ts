import type { Message, Shown } from './message.ts';

/** What a header can hold. */
const PRINTABLE = /^[\x20-\x7e]+$/;
const plain = (value: unknown): string | undefined => (typeof value === 'string' && PRINTABLE.test(value) ? value : undefined);

/**
 * The bytes of a Binary, as what it says that they are; anything else, such as a refusal, as it stands. A client stored them: no browser shall
 * run them as if they were this server's own. Source: http://hl7.org/fhir/R4/binary.html#rest
 */
export const asContent = (message: Message & { readonly body: string }): Shown => {
  const { resourceType, contentType, data, securityContext } = JSON.parse(message.body) as Record<string, unknown>;
  if (resourceType !== 'Binary') return message;
  const context = plain((securityContext as { reference?: unknown } | undefined)?.reference);
  return {
    status: message.status,
    headers: {
      ...message.headers,
      'content-type': plain(contentType) ?? 'application/octet-stream',
      'content-disposition': 'attachment',
      'content-security-policy': "default-src 'none'; sandbox",
      ...(context !== undefined && { 'x-security-context': context }),
    },
    body: new Uint8Array(Buffer.from(typeof data === 'string' ? data : '', 'base64')),
  };
};
