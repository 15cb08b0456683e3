import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createExpander, type TerminologyResource as Source } from '../../../fhir/definitions/expand-value-set.ts';
import { codeIndex } from '../../../fhir/terminology/code-system.ts';
import { createEffort } from '../../../fhir/terminology/effort.ts';
import { expandValueSet } from '../../../fhir/terminology/expansion.ts';
import { membership } from '../../../fhir/terminology/membership.ts';
import type { CodeSystem, Filter, TerminologyResource, ValueSet } from '../../../fhir/terminology/resources.ts';
import { coreSource, firstOf, resourceSource } from '../../../fhir/terminology/sources.ts';

const core = coreSource();
const animals: CodeSystem = {
  resourceType: 'CodeSystem',
  url: 'http://example.org/animals',
  version: '1',
  status: 'active',
  content: 'complete',
  concept: [
    {
      code: 'mammal',
      display: 'Mammal',
      property: [{ code: 'notSelectable', valueBoolean: true }],
      concept: [
        { code: 'cat', display: 'Cat', property: [{ code: 'legs', valueInteger: 4 }], concept: [{ code: 'tiger', display: 'Tiger' }] },
        {
          code: 'dog',
          display: 'Dog',
          property: [
            { code: 'legs', valueInteger: 4 },
            { code: 'status', valueCode: 'retired' },
          ],
        },
      ],
    },
    { code: 'bird', display: 'Bird', property: [{ code: 'legs', valueInteger: 2 }] },
    { code: 'bat', display: 'Bat', property: [{ code: 'parent', valueCode: 'mammal' }] },
  ],
};
const valueSet = (url: string, compose: ValueSet['compose']): ValueSet => ({
  resourceType: 'ValueSet',
  url,
  status: 'active',
  ...(compose && { compose }),
});
const source = (...resources: TerminologyResource[]): ReturnType<typeof firstOf> => firstOf(core, resourceSource([animals, ...resources]));
const system = animals.url!;
const codes = (compose: ValueSet['compose'], ...others: TerminologyResource[]): string[] =>
  expandValueSet(valueSet('http://example.org/vs', compose), source(...others)).map(({ code }) => code);
const filtered = (op: string, value: string, property = 'concept'): string[] =>
  codes({ include: [{ system, filter: [{ op, property, value } as Filter] }] });

test('expands a whole code system, also what is below by property', () => {
  assert.equal(codes({ include: [{ system }] }), ['mammal', 'cat', 'tiger', 'dog', 'bird', 'bat']);
});

test('filters by hierarchy, property, list, pattern and existence', () => {
  assert.equal(filtered('is-a', 'mammal'), ['mammal', 'cat', 'tiger', 'dog', 'bat']);
  assert.equal(filtered('descendent-of', 'mammal'), ['cat', 'tiger', 'dog', 'bat']);
  assert.equal(filtered('is-not-a', 'mammal'), ['bird']);
  assert.equal(filtered('generalizes', 'tiger'), ['mammal', 'cat', 'tiger']);
  assert.equal(filtered('=', '4', 'legs'), ['cat', 'dog']);
  assert.equal(filtered('in', 'cat,bird', 'code'), ['cat', 'bird']);
  assert.equal(filtered('not-in', 'cat,bird', 'code'), ['mammal', 'tiger', 'dog', 'bat']);
  assert.equal(filtered('regex', 'b.*', 'code'), ['bird', 'bat']);
  assert.equal(filtered('regex', '(c|d)[a-z]{2}', 'code'), ['cat', 'dog']);
  assert.equal(filtered('exists', 'true', 'legs'), ['cat', 'dog', 'bird']);
  assert.equal(filtered('exists', 'false', 'legs'), ['mammal', 'tiger', 'bat']);
  assert.equal(filtered('=', 'cat', 'parent'), ['tiger']);
});

test('refuses a filter that it can not follow, and a pattern that takes too long', () => {
  assert.throws(() => filtered('like', 'x'), /no filter like/);
  assert.throws(() => filtered('is-a', 'fish'), /fish.*doesn't have/);
  assert.throws(() => filtered('=', '4', 'wings'), /the property wings, which .* doesn't have/);
  assert.throws(() => filtered('regex', '(', 'code'), /no regular expression/);
  const long: CodeSystem = { ...animals, url: 'http://example.org/long', concept: [{ code: `${'a'.repeat(40)}!` }] };
  const compose = { include: [{ system: long.url!, filter: [{ op: 'regex', property: 'code', value: '(a+)+' }] }] };
  const start = performance.now();
  assert.throws(() => codes(compose, long), /takes too long/);
  assert.ok(performance.now() - start < 5000);
});

test('a pattern of many options, and one that is a little slow for each of many codes, take too long too', () => {
  const letters: CodeSystem = { ...animals, url: 'http://example.org/letters', concept: [{ code: 'abcdefghijklmnopqrstuvwxyz0123' }] };
  const start = performance.now();
  const of = (system: CodeSystem, value: string): string[] =>
    codes({ include: [{ system: system.url!, filter: [{ op: 'regex', property: 'code', value }] }] }, system);
  assert.throws(() => of(letters, `${'.?'.repeat(60)}!`), /takes too long/);
  const many: CodeSystem = {
    ...animals,
    url: 'http://example.org/many',
    concept: Array.from({ length: 20_000 }, (_, i) => ({ code: `${'a'.repeat(14)}${i}` })),
  };
  assert.throws(() => of(many, '(a+)+!'), /takes too long/);
  assert.ok(performance.now() - start < 10_000);
});

test('refuses what takes long in all, however many patterns, code systems and value sets share it', () => {
  const slow: CodeSystem = { ...animals, url: 'http://example.org/slow', concept: [{ code: `${'a'.repeat(24)}!` }] };
  const many: CodeSystem = {
    ...animals,
    url: 'http://example.org/many',
    concept: Array.from({ length: 20_000 }, (_, i) => ({ code: `c${i}` })),
  };
  const twice = (count: number, include: (i: number) => object): ValueSet['compose'] => ({
    include: Array.from({ length: count }, (_, i) => include(i)),
  });
  const all = valueSet('http://example.org/all', { include: [{ system: many.url! }] });
  const counted = { ...source(slow, many, all), effort: createEffort() };
  const patterns = twice(40, (i) => ({ system: slow.url, filter: [{ op: 'regex', property: 'code', value: `(a+)+${'b?'.repeat(i)}` }] }));
  for (const compose of [
    patterns,
    twice(200, () => ({ system: many.url })),
    twice(190, () => ({ valueSet: [all.url] })),
    twice(1000, () => ({ system: many.url, filter: [{ op: '=', property: 'code', value: 'x' }] })),
  ]) {
    const start = performance.now();
    assert.throws(
      () => expandValueSet(valueSet('http://example.org/vs', compose), { ...counted, effort: createEffort() }),
      /takes too (much|long)/,
    );
    assert.ok(performance.now() - start < 5000);
  }
  const asked = { system: slow.url, code: slow.concept![0]!.code };
  const start = performance.now();
  assert.throws(() => membership(valueSet('http://example.org/vs', patterns), asked, counted), /takes too (much|long)/);
  assert.ok(performance.now() - start < 5000);
});

test('a pattern that is quick is matched with all codes of a large code system', () => {
  const large: CodeSystem = {
    ...animals,
    url: 'http://example.org/large',
    concept: Array.from({ length: 49_000 }, (_, i) => ({ code: `c${i}` })),
  };
  const include = [{ system: large.url!, filter: [{ op: 'regex', property: 'code', value: '(c|d)[0-9]{5}' }] }];
  assert.is(codes({ include }, large).length, 39_000);
});

test('an include with several parts is what they have in common, several includes are all of them, and exclude takes away', () => {
  const cats = valueSet('http://example.org/cats', { include: [{ system, filter: [{ op: 'is-a', property: 'concept', value: 'cat' }] }] });
  assert.equal(codes({ include: [{ system, concept: [{ code: 'tiger' }, { code: 'dog' }], valueSet: [cats.url!] }] }, cats), ['tiger']);
  assert.equal(codes({ include: [{ valueSet: [cats.url!] }, { system, concept: [{ code: 'bird' }] }] }, cats), ['cat', 'tiger', 'bird']);
  assert.equal(codes({ include: [{ system }], exclude: [{ valueSet: [cats.url!] }] }, cats), ['mammal', 'dog', 'bird', 'bat']);
  assert.equal(codes({ inactive: false, include: [{ system, concept: [{ code: 'dog' }, { code: 'cat' }] }] }), ['cat']);
});

test('refuses value sets that include each other, and those that need what is not loaded', () => {
  const a = valueSet('http://example.org/a', { include: [{ valueSet: ['http://example.org/b'] }] });
  const b = valueSet('http://example.org/b', { include: [{ valueSet: ['http://example.org/a'] }] });
  assert.throws(() => expandValueSet(a, source(a, b)), /includes itself/);
  assert.throws(() => codes({ include: [{ system: 'http://snomed.info/sct' }] }), /snomed.*not loaded/);
  assert.throws(() => codes({ include: [{ valueSet: ['http://example.org/nothing'] }] }), /nothing is not loaded/);
  const part: CodeSystem = { ...animals, url: 'http://example.org/part', content: 'fragment' };
  assert.throws(() => codes({ include: [{ system: part.url! }] }, part), /only a part is loaded/);
});

test('a code that can not be told to be in is unknown, never in', () => {
  const snomed = valueSet('http://example.org/s', {
    include: [{ system: 'http://snomed.info/sct' }, { system, concept: [{ code: 'cat' }] }],
  });
  const of = (code: string, from: string): string => membership(snomed, { system: from, code }, source()).is;
  assert.is(of('22298006', 'http://snomed.info/sct'), 'unknown');
  assert.is(of('cat', system), 'in');
  assert.is(of('dog', system), 'out');
  const but = valueSet('http://example.org/but', { include: [{ system }], exclude: [{ valueSet: ['http://example.org/nothing'] }] });
  assert.is(membership(but, { system, code: 'cat' }, source()).is, 'unknown');
});

test('of a code system that is there in part, what is there is in, and no more is known', () => {
  for (const content of ['fragment', 'example', 'supplement', 'not-present'] as const) {
    const part: CodeSystem = { ...animals, url: 'http://example.org/part', content };
    const isIn = (code: string, filter?: Filter): string => {
      const include = [{ system: part.url!, ...(filter && { filter: [filter] }) }];
      return membership(valueSet('http://example.org/vs', { include }), { system: part.url, code }, source(part)).is;
    };
    const isPart = content === 'fragment' || content === 'example';
    assert.is(isIn('cat'), isPart ? 'in' : 'unknown', content);
    assert.is(isIn('cow'), 'unknown', content);
    assert.is(isIn('cat', { property: 'concept', op: 'is-not-a', value: 'dog' }), 'unknown', content);
  }
});

test('value sets that include each other on many ways are asked once each', () => {
  const chain = Array.from({ length: 60 }, (_, i) =>
    valueSet(`http://example.org/${i}`, {
      include: i === 59 ? [{ system, concept: [{ code: 'cat' }] }] : [1, 2].map(() => ({ valueSet: [`http://example.org/${i + 1}`] })),
    }),
  );
  assert.is(membership(chain[0]!, { system, code: 'dog' }, source(...chain)).is, 'out');
  assert.throws(() => expandValueSet(chain[0]!, source(...chain)), /includes more than 200 others/);
});

test('codes of a system that does not distinguish case are found in any', () => {
  const folded: CodeSystem = { ...animals, caseSensitive: false };
  assert.is(codeIndex(folded).node('CAT')?.concept.code, 'cat');
  assert.is(codeIndex(animals).node('CAT'), undefined);
});

const lines = readFileSync(new URL('../../../fhir/definitions/data/r4-terminology.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const all = lines.map((line) => JSON.parse(line) as TerminologyResource);

test('expands the value sets of R4 as the definitions of required bindings do, and finds each of their codes in them', () => {
  const simple = createExpander(all as unknown as Source[]);
  let compared = 0;
  let refused = 0;
  for (const each of all) {
    if (each.resourceType !== 'ValueSet') continue;
    let expanded;
    try {
      expanded = expandValueSet(each, core);
    } catch {
      refused++;
      continue;
    }
    for (const code of expanded.slice(0, 200)) assert.is(membership(each, code, core).is, 'in', `${each.url} ${code.code}`);
    assert.is(membership(each, { system: 'http://example.org/none', code: 'none' }, core).is, 'out', each.url);
    const expected = simple(each.url!);
    if (expected === undefined) continue;
    compared++;
    assert.is(
      expanded.length,
      [...expected.values()].reduce((sum, set) => sum + set.size, 0),
      each.url,
    );
  }
  assert.ok(compared > 1000, String(compared));
  assert.ok(refused < 250, String(refused));
});

test.run();
