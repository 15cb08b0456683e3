/** What a code is called in a language. */

interface Named {
  readonly language?: string | undefined;
  readonly value: string;
}

/** Whether a tag of BCP 47 is of a language that is asked for: de-CH is of de. */
export const isOfLanguage = (tag: string, language: string): boolean => {
  const [one, other] = [tag.toLowerCase(), language.toLowerCase()];
  return one === other || one.startsWith(`${other}-`);
};

/** The first name in the language, or in one that it is a kind of; else the display. */
export const displayIn = (
  display: string | undefined,
  designations: readonly Named[],
  language: string | undefined,
): string | undefined => {
  for (let wanted = language; wanted; wanted = wanted.includes('-') ? wanted.slice(0, wanted.lastIndexOf('-')) : undefined) {
    const of: string = wanted;
    const found = designations.find((each) => each.language !== undefined && isOfLanguage(each.language, of));
    if (found !== undefined) return found.value;
  }
  return display;
};
