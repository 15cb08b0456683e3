import { elements, members } from './text.ts';

/** Lists of meta that $meta-add and $meta-delete change. */
export const META_LISTS = ['profile', 'security', 'tag'] as const;
export type MetaList = (typeof META_LISTS)[number];

/** A profile's address, or a coding. */
export type MetaEntry = string | { readonly system?: string; readonly code?: string; readonly [member: string]: unknown };
export type MetaEntries = Readonly<Record<MetaList, readonly MetaEntry[]>>;

/** Labels are the same by system and code, whatever they are displayed as. */
const keyOf = (entry: MetaEntry): string => (typeof entry === 'string' ? entry : JSON.stringify([entry.system ?? '', entry.code ?? '']));

type Change = (list: MetaList, current: readonly { readonly key: string; readonly text: string }[]) => readonly string[];

/**
 * The text of a resource with lists of its meta changed: meta is written again member by member, every byte outside of it stays.
 * `text` is a stored resource: it has a meta, and that is an object.
 */
const withLists = (text: string, change: Change): string => {
  const meta = members(text, text.indexOf('{')).find(({ key }) => key === 'meta')!;
  const inside = members(text, meta.start);
  let kept = inside.map(({ key, start, end }) => ({ key, text: text.slice(start, end) }));
  let changed = false;
  for (const list of META_LISTS) {
    const member = inside.find(({ key }) => key === list);
    const spans = member === undefined ? [] : elements(text, member.start);
    const current = spans.map(({ start, end }) => {
      const each = text.slice(start, end);
      return { key: keyOf(JSON.parse(each) as MetaEntry), text: each };
    });
    const next = change(list, current);
    if (next.length === current.length) continue;
    changed = true;
    const value = `[${next.join(',')}]`;
    if (member === undefined) kept.push({ key: list, text: value });
    else kept = kept.flatMap((each) => (each.key !== list ? each : next.length === 0 ? [] : { key: list, text: value }));
  }
  if (!changed) return text;
  const written = kept.map(({ key, text: value }) => `${JSON.stringify(key)}:${value}`).join(',');
  return `${text.slice(0, meta.start)}{${written}}${text.slice(meta.end)}`;
};

/** With entries added that aren't there yet. */
export const withMetaAdded = (text: string, added: MetaEntries): string =>
  withLists(text, (list, current) => {
    const known = new Set(current.map(({ key }) => key));
    const fresh = added[list].filter((entry) => !known.has(keyOf(entry)) && known.add(keyOf(entry)));
    return [...current.map((each) => each.text), ...fresh.map((entry) => JSON.stringify(entry))];
  });

/** Without entries that are there. */
export const withMetaDeleted = (text: string, deleted: MetaEntries): string =>
  withLists(text, (list, current) => {
    const gone = new Set(deleted[list].map(keyOf));
    return current.flatMap((each) => (gone.has(each.key) ? [] : each.text));
  });
