/** The protobuf wire format, as far as the messages here need it. Source: https://protobuf.dev/programming-guides/encoding/ */

/** Called with each field; a length-delimited one as the range of its bytes, another as its value. */
export type OnField = (field: number, start: number, end: number, value: number) => void;

/** Walks over the fields of a message in `bytes[start..end)`; throws on a malformed one. */
export const readFields = (bytes: Buffer, start: number, end: number, onField: OnField): void => {
  let at = start;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (at >= end) throw new Error('a protobuf message ends too early');
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new Error('a protobuf number is too long');
  };
  while (at < end) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        onField(field, 0, 0, varint());
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (at + length > end) throw new Error('a protobuf field is longer than its message');
        onField(field, at, at + length, 0);
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Error('a protobuf field has an unknown wire type');
    }
  }
};

const varintSize = (value: number): number => (value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5);

/** A message being written: fields in the order of the calls. */
export class MessageWriter {
  #parts: (string | Buffer | readonly [number, number])[] = [];
  #size = 0;

  /** An unsigned number of 32 bits; 0 is the default and isn't written. */
  number(field: number, value: number): this {
    if (value === 0) return this;
    this.#parts.push([field * 8, value]);
    this.#size += varintSize(field * 8) + varintSize(value);
    return this;
  }

  text(field: number, value: string): this {
    return this.#lengthDelimited(field, value, Buffer.byteLength(value));
  }

  message(field: number, value: MessageWriter): this {
    return this.bytes(field, value.finish());
  }

  bytes(field: number, value: Buffer): this {
    return this.#lengthDelimited(field, value, value.length);
  }

  #lengthDelimited(field: number, value: string | Buffer, length: number): this {
    this.#parts.push([field * 8 + 2, length], value);
    this.#size += varintSize(field * 8 + 2) + varintSize(length) + length;
    return this;
  }

  finish(): Buffer {
    const out = Buffer.allocUnsafe(this.#size);
    let at = 0;
    const varint = (value: number): void => {
      let rest = value;
      for (; rest >= 0x80; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 0x80;
      out[at++] = rest;
    };
    for (const part of this.#parts) {
      if (typeof part === 'string') at += out.write(part, at);
      else if (Buffer.isBuffer(part)) at += part.copy(out, at);
      else {
        varint(part[0]);
        varint(part[1]);
      }
    }
    return out;
  }
}
