import { elements, members } from '../json/text.ts';

/** The text of what a resource contains at a place, to the byte, and its id; undefined where there is nothing. */
export const containedText = (body: string, place: number): { readonly text: string; readonly id: string } | undefined => {
  const contained = members(body, body.indexOf('{')).find(({ key }) => key === 'contained');
  const span = contained && elements(body, contained.start)[place];
  if (span === undefined) return undefined;
  const text = body.slice(span.start, span.end);
  return { text, id: (JSON.parse(text) as { id: string }).id };
};
