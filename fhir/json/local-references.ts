/** What JSON may write in another way than it is read. */
const ESCAPED = /\\[/u]/;
const REFERENCE = /"reference"\s*:\s*"(?:([^"\\]*)\/)?([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[^"\\]*)?"/g;

/** A resource's text with nothing in it escaped that needn't be: so that a reference in it can be found without parsing all. */
export const plainText = (body: string): string => (ESCAPED.test(body) ? JSON.stringify(JSON.parse(body)) : body);

/** What a resource refers to on this server, whose address is `baseUrl`, found in its text. */
export function* localReferences(body: string, baseUrl: string): Generator<{ readonly type: string; readonly id: string }> {
  for (const [, base, type, id] of plainText(body).matchAll(REFERENCE))
    if (base === undefined || base === baseUrl) yield { type: type!, id: id! };
}
