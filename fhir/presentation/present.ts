/** How an answer is shown: interactions answer with JSON text, and this is the one place where it becomes what the client asked for. */
import type { Registry } from '../definitions/registry.ts';
import { FHIR_JSON, type Format } from '../http/negotiation.ts';
import { indented } from './indented.ts';

/** What a client wants to see. */
export interface View {
  readonly format: Format;
  /** Indented, for people. */
  readonly pretty: boolean;
}

export interface Message {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export const PLAIN: View = { format: 'json', pretty: false };

/** JSON stays the very text that was stored unless another format or indentation is asked for; what is no FHIR stays as it is. */
export const present = (message: Message, { format, pretty }: View, _registry: Registry): Message => {
  const { status, headers, body } = message;
  if (body === null || headers['content-type'] !== FHIR_JSON) return message;
  switch (format) {
    case 'json':
      return pretty ? { status, headers, body: indented(body) } : message;
    case 'xml':
    case 'html':
      throw new Error(`an answer can't be shown as ${format}`);
  }
};
