import { members } from '../json/text.ts';

/** The text of a Subscription with another status, and with an error or without one; every other byte stays. */
export const withStatus = (text: string, status: 'active' | 'error' | 'off', error: string | undefined): string => {
  const root = members(text, text.indexOf('{'));
  const given = { status: root.find(({ key }) => key === 'status')!, error: root.find(({ key }) => key === 'error') };
  const edits = [
    { ...given.status, text: JSON.stringify(status) + (error === undefined || given.error ? '' : `,"error":${JSON.stringify(error)}`) },
  ];
  if (given.error !== undefined) {
    // Without one, the member goes with the comma before it: resourceType always precedes or follows it.
    const start = error === undefined ? text.lastIndexOf(',', text.lastIndexOf('"error"', given.error.start)) : given.error.start;
    const isFirst = error === undefined && root[0]!.key === 'error';
    edits.push(
      isFirst
        ? { key: 'error', start: text.indexOf('{') + 1, end: text.indexOf(',', given.error.end) + 1, text: '' }
        : { ...given.error, start, text: error === undefined ? '' : JSON.stringify(error) },
    );
  }
  let out = '';
  let done = 0;
  for (const edit of edits.sort((a, b) => a.start - b.start)) {
    out += text.slice(done, edit.start) + edit.text;
    done = edit.end;
  }
  return out + text.slice(done);
};
