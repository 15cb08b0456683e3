/** A Binary as the bytes that it stands for, in and out. Source: http://hl7.org/fhir/R4/binary.html#rest */
import type { Classified } from '../../proto/access/interaction.ts';
import { isOfFhir, namesFormat } from './negotiation.ts';

const BINARY = /^[^?]*\/Binary\/[A-Za-z0-9\-.]+(?:\/_history\/[^/?]+)?\/?(?:\?|$)/;
/** Whoever asks for a part of the resource, or for it indented, asks for the resource. */
const OF_FHIR = /[?&](?:_format|_pretty|_summary|_elements)=[^&]/;

export interface Asked {
  readonly method: string | undefined;
  /** Path and query. */
  readonly url: string;
  readonly accept: string | undefined;
}

/** Whether a read is of a Binary's content: so it is unless the client names a format of FHIR, or a page for people. */
export const wantsContent = ({ method, url, accept = '' }: Asked): boolean =>
  (method === 'GET' || method === 'HEAD') && BINARY.test(url) && !OF_FHIR.test(url) && !accept.split(',').some(namesFormat);

const WRITES = new Set(['create', 'update', 'conditional-update']);

/** Whether a body is the content of a Binary, and not the resource in a format of FHIR. */
export const isContent = ({ resourceType, interaction }: Classified, contentType: string | undefined): contentType is string =>
  resourceType === 'Binary' && WRITES.has(interaction) && contentType?.includes('/') === true && !isOfFhir(contentType);

/** The resource that the bytes become, as JSON. */
export const binaryText = (
  bytes: Buffer,
  { id, contentType, securityContext }: Readonly<Record<'id' | 'contentType' | 'securityContext', string | undefined>>,
): string =>
  JSON.stringify({
    resourceType: 'Binary',
    id,
    contentType: contentType?.trim().replaceAll(/\s+/g, ' '),
    securityContext: securityContext === undefined ? undefined : { reference: securityContext },
    data: bytes.length === 0 ? undefined : bytes.toString('base64'),
  });
