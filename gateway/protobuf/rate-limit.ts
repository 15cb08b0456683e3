/** envoy.service.ratelimit.v3.RateLimitRequest and RateLimitResponse; the cut of the protos is proto/envoy/service/ratelimit/v3/. */
import { type Headers } from './check.ts';
import { MessageWriter, readFields } from './wire.ts';

export interface RateLimitDescriptor {
  /** Its entries by key. */
  readonly entries: ReadonlyMap<string, string>;
  /** At least 1: of the descriptor's own where it has them, else of the request. */
  readonly hits: number;
}

export interface RateLimitRequest {
  readonly domain: string;
  readonly descriptors: readonly RateLimitDescriptor[];
}

export const decodeRateLimitRequest = (bytes: Buffer): RateLimitRequest => {
  let domain = '';
  let hits = 1;
  const descriptors: { entries: Map<string, string>; own: number | undefined }[] = [];
  readFields(bytes, 0, bytes.length, (field, start, end, value) => {
    if (field === 1) domain = bytes.toString('utf8', start, end);
    else if (field === 3) hits = value;
    else if (field === 2) {
      const entries = new Map<string, string>();
      let own: number | undefined;
      readFields(bytes, start, end, (descriptorField, entry, entryEnd) => {
        if (descriptorField === 3) {
          // A UInt64Value; one of 0 has no field.
          own = 0;
          readFields(bytes, entry, entryEnd, (valueField, _from, _to, addend) => {
            if (valueField === 1) own = addend;
          });
        }
        if (descriptorField !== 1) return;
        let key = '';
        readFields(bytes, entry, entryEnd, (entryField, from, to) => {
          if (entryField === 1) key = bytes.toString('utf8', from, to);
          else if (entryField === 2) entries.set(key, bytes.toString('utf8', from, to));
        });
      });
      descriptors.push({ entries, own });
    }
  });
  // The request's hits come after its descriptors.
  return { domain, descriptors: descriptors.map(({ entries, own = hits }) => ({ entries, hits: Math.max(1, own) })) };
};

export interface RateLimitReply {
  readonly isOver: boolean;
  readonly descriptors: readonly { readonly isOver: boolean; readonly remaining: number; readonly resetSeconds: number }[];
  readonly headers: Headers;
}

const code = (isOver: boolean): number => (isOver ? 2 : 1);

export const encodeRateLimitReply = ({ isOver, descriptors, headers }: RateLimitReply): Buffer => {
  const writer = new MessageWriter().number(1, code(isOver));
  for (const each of descriptors) {
    const status = new MessageWriter().number(1, code(each.isOver)).number(3, each.remaining);
    writer.message(2, status.message(4, new MessageWriter().number(1, each.resetSeconds)));
  }
  for (const key in headers) writer.message(3, new MessageWriter().text(1, key).text(2, headers[key]!));
  return writer.finish();
};
