/** How an answer is shown: interactions answer with JSON text, and this is the one place where it becomes what the client asked for. */
import { GUARD_HEADERS } from '../../proto/access/guard-headers.ts';
import type { Registry } from '../definitions/registry.ts';
import { withTightHeap } from '../heap-growth.ts';
import { packed } from '../http/body.ts';
import { FHIR_JSON, FHIR_XML, type Format } from '../http/negotiation.ts';
import { FhirError, type Issue, outcomeText } from '../http/outcome.ts';
import { blocksOf } from '../json/bytes.ts';
import { bundleToXml, toXml } from '../xml/to-xml.ts';
import { asContent } from './content.ts';
import { answerCoding, compress, compressParts } from './compress.ts';
import { showHtml } from './html/show.ts';
import { indented } from './indented.ts';
import type { Message, Shown } from './message.ts';

/** What a client wants to see. */
export interface View {
  readonly format: Format | 'content';
  /** Indented, for people. */
  readonly pretty: boolean;
  /** Path and query of the request. */
  readonly url: string;
  /** Whether something has been done, which the answer must not deny. */
  readonly isWrite: boolean;
}

/** What goes over the wire. */
export interface Wire {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
}

const GUARD = { ...GUARD_HEADERS, vary: 'accept, accept-encoding' } as const;

export const PLAIN: View = { format: 'json', pretty: false, url: '/', isWrite: false };

/** JSON stays the very text that was stored unless another format or indentation is asked for; what is no FHIR stays as it is. */
export const present = (message: Message, view: View, server: { registry: Registry; baseUrl: string }): Shown | Promise<Shown> => {
  const { status, headers, parts } = message;
  if (parts !== undefined && view.format === 'json' && !view.pretty) return message;
  if (parts !== undefined && view.format === 'xml') return partsAsXml({ status, headers, parts }, view, server.registry);
  const body = parts === undefined ? message.body : inOneText(parts());
  if (body === null || headers['content-type'] !== FHIR_JSON) return message;
  switch (view.format) {
    case 'json':
      return view.pretty ? { status, headers, body: indented(body) } : message;
    case 'html': {
      const page = showHtml(body, { url: view.url, status }, server);
      return { status, headers: { ...headers, ...page.headers }, body: page.body };
    }
    case 'content':
      return asContent({ status, headers, body });
    case 'xml':
      return asXml({ status, headers, body }, view, server.registry);
  }
};

const inOneText = (parts: Iterable<Uint8Array>): string => {
  const decoder = new TextDecoder();
  let text = '';
  for (const part of parts) text += decoder.decode(part, { stream: true });
  return text + decoder.decode();
};

/** A read that XML can't hold is refused with 406, though its event says that it was read; a write stays done, and is told so. */
const asXml = ({ status, headers, body }: Message & { body: string }, view: View, registry: Registry): Message => {
  try {
    return { status, headers: { ...headers, 'content-type': FHIR_XML }, body: toXml(body, registry, view.pretty) };
  } catch (error) {
    return notInXml(error, { status, headers }, view, registry);
  }
};

/** The whole is known to be XML before its first part is sent. */
const partsAsXml = (
  { status, headers, parts }: Pick<Message, 'status' | 'headers'> & { readonly parts: () => Iterable<Uint8Array> },
  view: View,
  registry: Registry,
): Promise<Message> =>
  withTightHeap(async () => {
    try {
      const json = await packed(parts(), Infinity, () => undefined);
      const xml = await packed(bundleToXml(json, registry, view.pretty), Infinity, () => undefined);
      return { status, headers: { ...headers, 'content-type': FHIR_XML }, body: null, parts: () => blocksOf(xml), size: xml.length };
    } catch (error) {
      return notInXml(error, { status, headers }, view, registry);
    }
  });

const notInXml = (
  error: unknown,
  { status, headers }: Pick<Message, 'status' | 'headers'>,
  { pretty, isWrite }: View,
  registry: Registry,
): Message => {
  if (!(error instanceof FhirError)) throw error;
  const isDone = isWrite && status < 300;
  const issues = error.issues.map((issue): Issue =>
    isDone
      ? {
          ...issue,
          severity: 'warning',
          diagnostics: `your request was carried out, but its answer can't be shown: ${issue.diagnostics}`,
        }
      : issue,
  );
  return {
    status: isDone ? status : error.status,
    headers: { ...(isDone && headers), 'content-type': FHIR_XML },
    body: toXml(outcomeText(issues), registry, pretty),
  };
};

/** Characters of a text that goes over the wire in parts: in one piece its bytes would lie beside it until they are sent. */
const LARGE = 1 << 20;
const PART = 1 << 18;

/** A text's bytes, each part made when the one before is taken. */
function* bytesOf(text: string): Generator<Uint8Array> {
  for (let at = 0; at < text.length;) {
    const end = Math.min(text.length, at + PART);
    // Both halves of a pair belong together.
    const next = end < text.length && /[\uD800-\uDBFF]/.test(text.charAt(end - 1)) ? end - 1 : end;
    yield Buffer.from(text.slice(at, next));
    at = next;
  }
}

/** The answer with the headers that every one has, in the content coding that the client takes. */
export const onTheWire = async (
  { status, headers, body, parts: given }: Shown,
  { method, acceptEncoding }: { readonly method: string | undefined; readonly acceptEncoding: string | readonly string[] | undefined },
): Promise<Wire> => {
  const isLarge = typeof body === 'string' && body.length > LARGE && method !== 'HEAD';
  const parts = given ?? (isLarge ? () => bytesOf(body) : undefined);
  // The bytes of a file are mostly compressed already.
  const coding = typeof body !== 'string' && parts === undefined ? undefined : answerCoding(String(acceptEncoding ?? ''));
  if (parts !== undefined) {
    const coded = { ...GUARD, ...headers, ...(coding !== undefined && { 'content-encoding': coding }) };
    return { status, headers: coded, body: coding === undefined ? ReadableStream.from(parts()) : compressParts(parts(), coding) };
  }
  const compressed = coding === undefined ? undefined : await compress(body as string, coding);
  const wire = compressed ?? body;
  return {
    status,
    headers: {
      ...GUARD,
      ...headers,
      ...(compressed !== undefined && { 'content-encoding': coding! }),
      // Hono takes the body away from an answer to HEAD, and its length with it.
      ...(method === 'HEAD' && wire !== null && { 'content-length': String(Buffer.byteLength(wire)) }),
    },
    body: wire,
  };
};
