import { members } from './text.ts';

export interface Stamp {
  readonly id: string;
  readonly versionId: string;
  /** ISO 8601 with milliseconds. */
  readonly lastUpdated: string;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The text of a resource with `id`, `meta.versionId` and `meta.lastUpdated` put in and every other byte as it was sent, so that
 * 1.10 stays 1.10 and members keep their order. `text` is a valid JSON object with a resourceType.
 */
export const withIdAndMeta = (text: string, { id, versionId, lastUpdated }: Stamp): string => {
  const start = text.indexOf('{');
  const root = members(text, start);
  const find = (key: string): (typeof root)[number] | undefined => root.find((member) => member.key === key);
  const idText = JSON.stringify(id);
  const stamp = `"versionId":"${versionId}","lastUpdated":"${lastUpdated}"`;
  const given = { id: find('id'), meta: find('meta'), type: find('resourceType') };
  const edits: Edit[] = [];
  let inserted = '';
  if (given.id === undefined) inserted += `,"id":${idText}`;
  else edits.push({ start: given.id.start, end: given.id.end, text: idText });
  if (given.meta === undefined || text[given.meta.start] !== '{') {
    const meta = `"meta":{${stamp}}`;
    if (given.meta !== undefined) edits.push({ start: given.meta.start, end: given.meta.end, text: meta.slice('"meta":'.length) });
    else if (given.id === undefined) inserted += `,${meta}`;
    else edits.push({ start: given.id.end, end: given.id.end, text: `,${meta}` });
  } else edits.push(...stampMeta(text, given.meta.start, stamp, { versionId, lastUpdated }));
  if (inserted !== '') edits.push({ start: given.type!.end, end: given.type!.end, text: inserted });
  return apply(text, start, edits);
};

const stampMeta = (text: string, from: number, stamp: string, values: Readonly<Record<string, string>>): Edit[] => {
  const inside = members(text, from);
  const known = inside.filter(({ key }) => key in values);
  if (known.length === 2) return known.map(({ key, start, end }) => ({ start, end, text: `"${values[key]}"` }));
  // One of the two alone: it gets its value, the other is put before everything.
  const missing =
    known.length === 0
      ? stamp
      : Object.entries(values)
          .flatMap(([key, value]) => (key === known[0]!.key ? [] : `"${key}":"${value}"`))
          .join();
  return [
    { start: from + 1, end: from + 1, text: inside.length === 0 ? missing : `${missing},` },
    ...known.map(({ key, start, end }) => ({ start, end, text: `"${values[key]}"` })),
  ];
};

const apply = (text: string, from: number, edits: Edit[]): string => {
  let out = '';
  let done = from;
  for (const edit of edits.sort((a, b) => a.start - b.start)) {
    out += text.slice(done, edit.start) + edit.text;
    done = edit.end;
  }
  return (out + text.slice(done)).trimEnd();
};
