/** The part of a document that is being read; what lies before it is forgotten. Positions are those of the document, in UTF-16 code units. */
export interface Passage {
  /** Takes what follows. */
  add(more: string): void;
  /** Once what was added last has been read: keeps of all no more than the tag that may be open. */
  forget(): void;
  slice(start: number, end: number): string;
  /** Where the tag begins that ends there. */
  tagStart(position: number): number;
  /** "line 3, column 14" */
  placeOf(position: number): string;
}

export const createPassage = (): Passage => {
  let text = '';
  let last = '';
  let start = 0;
  let breaks = 0;
  let lastBreak = -1;
  const breaksIn = (part: string): number => part.split('\n').length - 1;
  return {
    add: (more) => {
      last = more;
      text += more;
    },
    forget: () => {
      // Not searched from the beginning each time: a value may be as long as the document.
      const cut = last.lastIndexOf('<');
      if (cut === -1) return;
      const before = text.slice(0, text.length - last.length + cut);
      breaks += breaksIn(before);
      const at = before.lastIndexOf('\n');
      if (at !== -1) lastBreak = start + at;
      start += before.length;
      text = text.slice(before.length);
    },
    slice: (from, to) => text.slice(from - start, to - start),
    tagStart: (position) => start + text.lastIndexOf('<', position - 1 - start),
    placeOf: (position) => {
      const before = text.slice(0, position - start);
      const at = before.lastIndexOf('\n');
      return `line ${breaks + breaksIn(before) + 1}, column ${position - (at === -1 ? lastBreak : start + at)}`;
    },
  };
};
