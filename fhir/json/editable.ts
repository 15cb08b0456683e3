import { elements, members } from './text.ts';

/**
 * A JSON value that is changed in places: what isn't touched stays the text that it was, to the byte, and is never parsed.
 * The text is known to be valid (strict.ts).
 */
export class EditableJson {
  readonly #source: string;
  #members: Map<string, EditableJson> | undefined;
  #items: EditableJson[] | undefined;
  #isChanged = false;

  constructor(source: string) {
    this.#source = source.trim();
  }

  get isObject(): boolean {
    return this.#source.startsWith('{');
  }

  get isArray(): boolean {
    return this.#source.startsWith('[');
  }

  /** The members of an object, in their order; change them by {@link put} and {@link drop} only. */
  get members(): ReadonlyMap<string, EditableJson> {
    return (this.#members ??= new Map(
      members(this.#source, 0).map(({ key, start, end }) => [key, new EditableJson(this.#source.slice(start, end))]),
    ));
  }

  /** The elements of an array; change them by {@link insert} and {@link removeAt} only. */
  get items(): readonly EditableJson[] {
    return (this.#items ??= elements(this.#source, 0).map(({ start, end }) => new EditableJson(this.#source.slice(start, end))));
  }

  /** Replaces a member at its place, or adds it as the last; the same text again is no change. */
  put(key: string, value: EditableJson): void {
    const known = this.members as Map<string, EditableJson>;
    if (known.get(key)?.text === value.text) return;
    known.set(key, value);
    this.#isChanged = true;
  }

  drop(key: string): void {
    if ((this.members as Map<string, EditableJson>).delete(key)) this.#isChanged = true;
  }

  /** Replaces `count` elements from `index` on by one. */
  insert(index: number, value: EditableJson, count = 0): void {
    if (count === 1 && this.items[index]?.text === value.text) return;
    (this.items as EditableJson[]).splice(index, count, value);
    this.#isChanged = true;
  }

  removeAt(index: number): void {
    (this.items as EditableJson[]).splice(index, 1);
    this.#isChanged = true;
  }

  get text(): string {
    return this.#render().text;
  }

  get value(): unknown {
    return JSON.parse(this.text) as unknown;
  }

  #render(): { readonly text: string; readonly isChanged: boolean } {
    let isChanged = this.#isChanged;
    const inner = (child: EditableJson): string => {
      const rendered = child.#render();
      isChanged ||= rendered.isChanged;
      return rendered.text;
    };
    if (this.#members !== undefined) {
      const parts = [...this.#members].map(([key, child]) => `${JSON.stringify(key)}:${inner(child)}`);
      if (isChanged) return { text: `{${parts.join(',')}}`, isChanged };
    }
    if (this.#items !== undefined) {
      const parts = this.#items.map(inner);
      if (isChanged) return { text: `[${parts.join(',')}]`, isChanged };
    }
    return { text: this.#source, isChanged: false };
  }
}
