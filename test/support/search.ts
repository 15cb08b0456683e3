/** What tests of search share: storing resources, and saying which ones a search shall find. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Answer, Stack } from './stack.ts';

export interface TestResource {
  readonly resourceType: string;
  readonly id: string;
  readonly [element: string]: unknown;
}

/** Stores resources under their own ids, in one transaction. */
export const storeAll = async (stack: Stack, resources: readonly TestResource[]): Promise<void> => {
  const entry = resources.map((resource) => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));
  const stored = await stack.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  assert.is(stored.status, 200, stored.text);
};

interface Found {
  readonly resource: { readonly id: string };
  readonly search: { readonly mode: string };
}

export const idsOf = ({ json }: Answer, mode = 'match'): string[] =>
  ((json.entry ?? []) as Found[]).filter(({ search }) => search.mode === mode).map(({ resource }) => resource.id);

/** Spaces, quotes and brackets, which tests may write as they are. */
const encoded = (path: string): string => path.replaceAll(/[ "[\]]/g, encodeURIComponent);

/** One test per search: it finds exactly these, in any order, and counts them. */
export const testSearches = (stack: () => Stack, searches: Readonly<Record<string, readonly string[]>>): void => {
  for (const [path, expected] of Object.entries(searches)) {
    test(`finds ${expected.join(', ') || 'nothing'} by ${path}`, async () => {
      const answer = await stack().request(encoded(path));
      assert.is(answer.status, 200, answer.text);
      assert.equal(idsOf(answer).sort(), [...expected].sort());
      assert.is(answer.json.total, expected.length);
    });
  }
};

export interface Refused {
  readonly status: number;
  readonly says: RegExp;
}

/** One test per search: it is refused with a status and an OperationOutcome that says why. */
export const testRefusals = (stack: () => Stack, refusals: Readonly<Record<string, Refused>>): void => {
  for (const [path, { status, says }] of Object.entries(refusals)) {
    test(`refuses ${path.slice(0, 120)} with ${status}`, async () => {
      const answer = await stack().request(encoded(path));
      assert.is(answer.status, status, answer.text.slice(0, 300));
      assert.is(answer.json?.resourceType, 'OperationOutcome');
      assert.match(answer.json.issue[0].diagnostics, says);
    });
  }
};
