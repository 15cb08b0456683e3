import type { Registry } from '../definitions/registry.ts';
import type { Format } from '../http/negotiation.ts';
import { fromXmlInTurns } from '../xml/from-xml.ts';

/** A body as JSON text, which is what interactions work with: XML becomes JSON here and nowhere else. */
export const bodyText = (text: string, format: Format, registry: Registry): string | Promise<string> => {
  // What an empty body means, the interaction knows.
  if (format === 'json' || text.trim() === '') return text;
  if (format === 'xml') return fromXmlInTurns(text, registry);
  throw new Error(`a body can't be read from ${format}`);
};
