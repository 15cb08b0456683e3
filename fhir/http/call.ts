import type { Classified } from '../../proto/access/interaction.ts';
import type { Audited } from '../audit/audited.ts';
import type { Bytes } from '../json/bytes.ts';
import type { Identity } from './identity.ts';
import type { Preferences } from './negotiation.ts';

/** One interaction to answer: an HTTP request, or an entry of a Bundle that stands for one. */
export interface Call {
  readonly target: Classified;
  readonly identity: Identity;
  readonly requestId: string;
  /** By lower-case name. */
  readonly header: (name: string) => string | undefined;
  readonly prefer: Preferences;
  readonly isPost: boolean;
  /** Without the question mark, still encoded. */
  readonly query: string;
  /** The body; empty without one. */
  readonly text: () => Promise<string>;
  /** The same as UTF-8, for a Bundle, which may be too long to be one text. */
  readonly bytes?: () => Promise<Bytes>;
}

interface Message {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** What Last-Modified says in seconds, in milliseconds: for the entries of a Bundle. */
  readonly modifiedMs?: number | undefined;
}

/** An answer; it can't be made without the proof that its audit event is durable. */
export interface Reply extends Message {
  readonly audited: Audited;
  /** Parameters that came in the body, which shape the answer as those of the address do. */
  readonly form?: string;
  /** Opens what takes the place of the body where that is a file. */
  readonly openFile?: () => Promise<ReadableStream<Uint8Array>>;
  /** What the body is put together from where it is too long to be one text, and null; to be asked for once. */
  readonly parts?: (() => Iterable<Uint8Array>) | undefined;
  /** Bytes of the parts, about. */
  readonly size?: number | undefined;
}

/** A refusal: its event is durable too, unless the trail itself is what fails. */
export interface Refusal extends Message {
  readonly refused: true;
}
