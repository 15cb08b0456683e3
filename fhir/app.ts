import { randomUUID } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { addressFault, allowedMethods, type Classified, classify, type InteractionClass } from '../proto/access/interaction.ts';
import { recordUnmade } from './audit/trail.ts';
import { type Admitted, createAdmission } from './http/admission.ts';
import { dropRest, readBody, readBytes, textOfBody } from './http/body.ts';
import { refuseCrossSite } from './http/cross-site.ts';
import { binaryText, isContent, wantsContent } from './http/binary.ts';
import type { Call } from './http/call.ts';
import type { Identify } from './http/identity.ts';
import { hasHost } from './http/front.ts';
import { answerFormat, bodyFormat, FHIR_JSON, parsePrefer } from './http/negotiation.ts';
import { FhirError, outcomeText } from './http/outcome.ts';
import { createShares, type Lane, type Share } from './http/shares.ts';
import { answer, type OnFault } from './interaction/answer.ts';
import { bodyBytes, bodyText } from './presentation/body-text.ts';
import type { Message, Shown } from './presentation/message.ts';
import { onTheWire, PLAIN, present, type View } from './presentation/present.ts';
import type { Server } from './server.ts';

/** Hears of every request and its answer. */
export interface Meter {
  /** Returns what `end` is to be given. */
  readonly begin: () => number;
  readonly end: (begun: number, interaction: string, status: number) => void;
}

export interface AppOptions {
  readonly identify: Identify;
  readonly onFault: OnFault;
  readonly meter?: Meter | undefined;
}

type Bindings = { Bindings: HttpBindings };

/** The HTTP side: who asks, for what, in which form; everything after that is fhir/interaction/. */
export const createApp = (server: Server, { identify, onFault, meter }: AppOptions): Hono<Bindings> => {
  const basePath = new URL(server.baseUrl).pathname.replace(/\/$/, '');
  const app = new Hono<Bindings>();
  const admission = createAdmission(server.limits);
  const shares = createShares(server.limits.ofClients);

  /** What is refused before there is a call is in the trail too, if it is known who asks. */
  const recordRefusal = async (incoming: HttpBindings['incoming'], error: unknown): Promise<void> => {
    if (!(error instanceof FhirError) || error.status === 401 || error.kind === 'unavailable') return;
    try {
      const header = headerOf(incoming);
      const identity = identify(header);
      const { target } = addressOf(incoming, basePath);
      const resource = target?.resourceType !== undefined && target.id !== undefined ? `${target.resourceType}/${target.id}` : undefined;
      const unmade = { identity, requestId: requestIdOf(identity, header), target };
      await recordUnmade(server.outbox, unmade, { status: error.status, resource, reason: error.kind });
    } catch (cause) {
      if (!(cause instanceof FhirError && cause.status === 401)) onFault({ request: '', interaction: '', error: cause });
    }
  };
  const respond = async ({ incoming, outgoing }: HttpBindings, admitted: Admitted, seen: Seen): Promise<Response> => {
    let message: Message;
    let view = PLAIN;
    let file: ReadableStream<Uint8Array> | undefined;
    let call: Call | undefined;
    let share: Share | undefined;
    const enter = (client: string): Share => {
      share = shares.enter(client);
      outgoing.once('close', share.close);
      return share;
    };
    try {
      view = viewOf(incoming);
      call = callOf(server, incoming, { basePath, identify, admitted, enter });
      if (!hasBody(incoming)) await share!.turn(laneOf(call.target), 1);
      seen.interaction = call.target.interaction;
      const reply = await answer(server, call, onFault);
      message = reply;
      if ('form' in reply && reply.form) view = viewOf(incoming, reply.form);
      // An answer to HEAD has no body: a file that nobody reads would stay open.
      if ('openFile' in reply && incoming.method !== 'HEAD') file = await reply.openFile?.();
    } catch (error) {
      message = refusal(error, onFault);
      if (call === undefined) await recordRefusal(incoming, error);
    }
    try {
      // What follows waits for the client, not for the server.
      share?.answered(0);
      // Who has too much open gets no further hold of a connection by a body that doesn't end.
      if (share !== undefined || message.status !== THROTTLED) await dropRest(incoming);
      const page = await shown(server, message, view, onFault);
      const { status, headers, body } = await onTheWire(page, {
        method: incoming.method,
        acceptEncoding: incoming.headers['accept-encoding'],
      });
      if (incoming.method !== 'HEAD') share?.answered(page.size ?? page.body?.length ?? 0);
      seen.status = status;
      return new Response(file ?? body, { status, headers });
    } finally {
      // One that was sent before the answer to the former has no connection of its own yet, and may never hear of its end.
      if (outgoing.socket === null || outgoing.closed) share?.close();
    }
  };
  app.all('*', async (context: Context<Bindings>) => {
    const seen: Seen = { interaction: 'unknown', status: 500 };
    const begun = meter?.begin() ?? 0;
    const admitted = admission.enter();
    try {
      return await respond(context.env, admitted, seen);
    } finally {
      admitted.release();
      meter?.end(begun, seen.interaction, seen.status);
    }
  });
  return app;
};

const THROTTLED = new FhirError('throttled', '').status;
/** A Bundle takes so many places of those that its client may have worked on at once: its answer may be eight times as long as a page. */
const BUNDLE_PLACES = 4;

/** What reads and writes single resources has connections of its own, and takes no time. */
const QUICK: ReadonlySet<string | undefined> = new Set<InteractionClass>(['read', 'write', 'capabilities']);
const laneOf = (target: Classified | undefined): Lane => (QUICK.has(target?.class) ? 'quick' : 'slow');

const hasBody = ({ method }: HttpBindings['incoming']): boolean => method === 'POST' || method === 'PUT' || method === 'PATCH';

/** What a request turned out to be. */
interface Seen {
  interaction: string;
  status: number;
}

/** What is thrown outside of an interaction: by who can't be served at all, or by a fault of ours. */
const refusal = (error: unknown, onFault: OnFault): Message => {
  if (!(error instanceof FhirError)) onFault({ request: '', interaction: '', error });
  const known = error instanceof FhirError ? error : new FhirError('exception', 'the server failed: tell its operator when');
  return { status: known.status, headers: { ...known.headers, 'content-type': FHIR_JSON }, body: outcomeText(known.issues) };
};

const shown = async (server: Server, message: Message, view: View, onFault: OnFault): Promise<Shown> => {
  try {
    return await present(message, view, server);
  } catch (error) {
    return refusal(error, onFault);
  }
};

/** A file that a job has made is what it is, whatever the client would rather have. */
const FILE = /\/\$(?:export|import)\/[^/?]+\/[^/?]+$/;

const viewOf = ({ method, headers, url = '/' }: HttpBindings['incoming'], form = ''): View => {
  if (FILE.test(url)) return PLAIN;
  const question = url.indexOf('?');
  const query = [question === -1 ? '' : url.slice(question + 1), form].filter(Boolean).join('&');
  const pretty = query.includes('_pretty=') && /(?:^|&)_pretty=true(?:&|$)/.test(query);
  const isWrite = method !== 'GET' && method !== 'HEAD' && !/\/_search(?:\?|$)/.test(url);
  const format = wantsContent({ method, url, accept: headers.accept }) ? 'content' : answerFormat(headers.accept, query);
  return { format, pretty, url, isWrite };
};

type Header = (name: string) => string | undefined;

const headerOf =
  ({ headers }: HttpBindings['incoming']): Header =>
  (name) => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };

const requestIdOf = ({ requestId }: Call['identity'], header: Header): string => requestId ?? header('x-request-id') ?? randomUUID();

interface Address {
  /** Below the base; undefined outside of it. */
  readonly relative: string | undefined;
  readonly query: string;
  /** Undefined where FHIR has no such method of such an address. */
  readonly target: Call['target'] | undefined;
}

const addressOf = ({ url = '/', method = 'GET' }: HttpBindings['incoming'], basePath: string): Address => {
  const question = url.indexOf('?');
  const path = question === -1 ? url : url.slice(0, question);
  const query = question === -1 ? '' : url.slice(question + 1);
  const relative = path === basePath || path.startsWith(`${basePath}/`) ? path.slice(basePath.length) || '/' : undefined;
  return { relative, query, target: relative === undefined ? undefined : classify(method, relative) };
};

interface Arrival {
  readonly basePath: string;
  readonly identify: Identify;
  readonly admitted: Admitted;
  readonly enter: (client: string) => Share;
}

const callOf = (server: Server, incoming: HttpBindings['incoming'], { basePath, identify, admitted, enter }: Arrival): Call => {
  const header = headerOf(incoming);
  const identity = identify(header);
  const share = enter(identity.client);
  // Only when the body is there: who sends slowly keeps none of its own requests from being worked on.
  const whole: Pick<Admitted, 'hold' | 'turn'> = {
    hold: admitted.hold,
    turn: async (bytes) => {
      await share.turn(laneOf(target), target?.interaction === 'batch' ? BUNDLE_PLACES : 1);
      await admitted.turn(bytes);
    },
  };
  if (!hasHost(incoming)) throw new FhirError('invalid', 'the header Host names no host, or several: send the one of the address');
  const method = incoming.method ?? 'GET';
  const { relative, query, target } = addressOf(incoming, basePath);
  if (target === undefined) {
    const allow = relative === undefined ? [] : allowedMethods(relative);
    if (allow.length > 0) {
      const says = `FHIR has no ${method} of this address: use ${allow.join(', ')}`;
      throw new FhirError('method-not-allowed', says, { headers: { allow: allow.join(', ') } });
    }
    const { isMissing, says = `FHIR has no ${method} of this form of address: see ${server.baseUrl}/metadata for what is served` } =
      addressFault(method, relative);
    throw new FhirError(isMissing ? 'not-found' : 'invalid', says);
  }
  const isForm = target.interaction.startsWith('search-');
  if (!isForm) refuseCrossSite(method, header);
  // A patch has media types of its own (fhir/patch/parse-patch.ts), unless it is a resource in XML.
  const isPatch = target.interaction.endsWith('patch') && !/^application\/(?:fhir\+)?xml\s*(?:;|$)/i.test(header('content-type') ?? '');
  const contentType = header('content-type');
  const isBytes = isContent(target, contentType);
  const format = isForm || isPatch || isBytes ? 'json' : bodyFormat(contentType);
  const limit = target.interaction === 'batch' ? server.limits.bundleBytes : server.limits.resourceBytes;
  return {
    target,
    identity,
    requestId: requestIdOf(identity, header),
    header,
    // HEAD begins no job: it asks for nothing to be done (RFC 9110, 9.2.1).
    prefer: { ...parsePrefer(header('prefer')), ...(method === 'HEAD' && { respondAsync: false }) },
    isPost: method === 'POST',
    query,
    text: async () =>
      isBytes
        ? // In base64 they are longer by a third.
          binaryText(await readBody(incoming, Math.floor((limit * 3) / 4), whole), {
            id: target.id,
            contentType,
            securityContext: header('x-security-context'),
          })
        : bodyText(textOfBody(await readBody(incoming, limit, whole)), format, server.registry),
    ...(target.interaction === 'batch' && {
      bytes: async () => bodyBytes(await readBytes(incoming, limit, whole), format, { registry: server.registry, hold: admitted.hold }),
    }),
  };
};
