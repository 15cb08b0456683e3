/** HTML that is safe by construction: whatever comes into a template is escaped, unless a template made it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Markup | string | number | undefined | readonly Markup[];

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Fit for an element's text and for an attribute in quotes. */
export const escapeText = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);

const textOf = (part: Part): string => {
  if (part === undefined) return '';
  if (part instanceof Markup) return part.text;
  return typeof part === 'object' ? part.map(({ text }) => text).join('') : escapeText(String(part));
};

/** `` html`<b>${name}</b>` `` */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup => {
  let text = strings[0]!;
  for (let i = 0; i < parts.length; i++) text += textOf(parts[i]) + strings[i + 1]!;
  return new Markup(text);
};

export const NOTHING = html``;
