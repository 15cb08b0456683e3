/** envoy.service.auth.v3.CheckRequest and CheckResponse; the cut of the protos is proto/envoy/service/auth/v3/. */
import { MessageWriter, readFields } from './wire.ts';

/** What of a CheckRequest is decided by. */
export interface CheckRequest {
  /** The client's certificate as URL-encoded PEM; empty without one. */
  readonly certificate: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly requestId: string;
}

export const decodeCheckRequest = (bytes: Buffer): CheckRequest => {
  let certificate = '';
  let method = '';
  let path = '';
  let requestId = '';
  const text = (start: number, end: number): string => bytes.toString('utf8', start, end);
  const header = (entry: number, entryEnd: number): void => {
    let isRequestId = false;
    readFields(bytes, entry, entryEnd, (field, start, end) => {
      if (field === 1) isRequestId = text(start, end) === 'x-request-id';
      else if (field === 2 && isRequestId) requestId = text(start, end);
    });
  };
  readFields(bytes, 0, bytes.length, (field, attributes, attributesEnd) => {
    if (field !== 1) return;
    readFields(bytes, attributes, attributesEnd, (attribute, start, end) => {
      // 1: source, 4: request
      if (attribute === 1) {
        readFields(bytes, start, end, (peerField, from, to) => {
          if (peerField === 5) certificate = bytes.toString('latin1', from, to);
        });
      } else if (attribute === 4) {
        readFields(bytes, start, end, (requestField, http, httpEnd) => {
          if (requestField !== 2) return;
          readFields(bytes, http, httpEnd, (httpField, from, to) => {
            if (httpField === 2) method = text(from, to);
            else if (httpField === 3) header(from, to);
            else if (httpField === 4) path = text(from, to);
          });
        });
      }
    });
  });
  return { certificate, method, path, requestId };
};

/** The Accept header of a CheckRequest, empty without one; read apart, since only a refusal asks for it. */
export const acceptOf = (bytes: Buffer): string => {
  let accept = '';
  const read = (path: readonly number[], start: number, end: number): void => {
    const [wanted, ...below] = path;
    readFields(bytes, start, end, (field, from, to) => {
      if (field !== wanted) return;
      if (below.length > 0) return read(below, from, to);
      let name = '';
      readFields(bytes, from, to, (part, at, until) => {
        if (part === 1) name = bytes.toString('utf8', at, until);
        else if (part === 2 && name === 'accept') accept = bytes.toString('utf8', at, until);
      });
    });
  };
  // attributes, request, http, headers
  read([1, 4, 2, 3], 0, bytes.length);
  return accept;
};

export type Headers = Readonly<Record<string, string>>;

export interface AllowedCheck {
  /** For the upstream: they replace what is there. */
  readonly headers: Headers;
  /** For the client. */
  readonly responseHeaders: Headers;
  /** For Envoy's access log and rate limit filter. */
  readonly metadata: Readonly<Record<string, string | number>>;
}

export interface DeniedCheck {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly metadata: Readonly<Record<string, string | number>>;
}

const OVERWRITE_IF_EXISTS_OR_ADD = 2;
const PERMISSION_DENIED = 7;

const addHeaders = (writer: MessageWriter, field: number, headers: Headers): void => {
  for (const key in headers) {
    const header = new MessageWriter().text(1, key).text(2, headers[key]!);
    writer.message(field, new MessageWriter().message(1, header).number(3, OVERWRITE_IF_EXISTS_OR_ADD));
  }
};

/** google.protobuf.Struct */
const struct = (fields: Readonly<Record<string, string | number>>): MessageWriter => {
  const writer = new MessageWriter();
  for (const key in fields) {
    const value = fields[key]!;
    const encoded = new MessageWriter();
    if (typeof value === 'string') encoded.text(3, value);
    else {
      const double = Buffer.alloc(9);
      double[0] = 0x11; // field 2, 64 bits
      double.writeDoubleLE(value, 1);
      writer.message(1, new MessageWriter().text(1, key).bytes(2, double));
      continue;
    }
    writer.message(1, new MessageWriter().text(1, key).message(2, encoded));
  }
  return writer;
};

/** Without google.rpc.Status: no code is code 0, OK. */
export const encodeAllowed = ({ headers, responseHeaders, metadata }: AllowedCheck): Buffer => {
  const ok = new MessageWriter();
  addHeaders(ok, 2, headers);
  addHeaders(ok, 6, responseHeaders);
  return new MessageWriter().bytes(1, Buffer.alloc(0)).message(3, ok).message(4, struct(metadata)).finish();
};

export const encodeDenied = ({ status, headers, body, metadata }: DeniedCheck): Buffer => {
  const denied = new MessageWriter().message(1, new MessageWriter().number(1, status));
  addHeaders(denied, 2, headers);
  denied.text(3, body);
  return new MessageWriter()
    .message(1, new MessageWriter().number(1, PERMISSION_DENIED))
    .message(2, denied)
    .message(4, struct(metadata))
    .finish();
};
