import type { Registry } from '../definitions/registry.ts';
import { withTightHeap } from '../heap-growth.ts';
import type { Admitted } from '../http/admission.ts';
import { isLarge, notUtf8, packed } from '../http/body.ts';
import type { Format } from '../http/negotiation.ts';
import type { Bytes } from '../json/bytes.ts';
import { bundleFromXml, fromXmlInTurns } from '../xml/from-xml.ts';

/** A body as JSON text, which is what interactions work with: XML becomes JSON here and nowhere else. */
export const bodyText = (text: string, format: Format, registry: Registry): string | Promise<string> => {
  // What an empty body means, the interaction knows.
  if (format === 'json' || text.trim() === '') return text;
  if (format === 'xml') return fromXmlInTurns(text, registry);
  throw new Error(`a body can't be read from ${format}`);
};

/** The same of a Bundle, piece by piece. */
export const bodyBytes = async (
  bytes: Bytes,
  format: Format,
  { registry, hold }: { readonly registry: Registry; readonly hold: Admitted['hold'] },
): Promise<Bytes> => {
  if (format === 'json' || isEmpty(bytes)) return bytes;
  if (format !== 'xml') throw new Error(`a body can't be read from ${format}`);
  const convert = async (): Promise<Bytes> => {
    try {
      return await packed(bundleFromXml(bytes, registry), Infinity, hold);
    } catch (error) {
      throw error instanceof TypeError && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? notUtf8(error) : error;
    }
  };
  return isLarge(bytes) ? withTightHeap(convert) : convert();
};

const isEmpty = (bytes: Bytes): boolean => bytes.length < 1024 && Buffer.from(bytes.between(0, bytes.length)).toString().trim() === '';
