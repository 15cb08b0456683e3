/** An answer before and after it has been shown as the client wants it. */

export interface Message {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** As of a Reply. */
  readonly parts?: (() => Iterable<Uint8Array>) | undefined;
  readonly size?: number | undefined;
}

/** In the form that the client wants to see. */
export interface Shown extends Omit<Message, 'body'> {
  readonly body: string | Uint8Array<ArrayBuffer> | null;
}
