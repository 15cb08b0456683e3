/** Source: http://hl7.org/fhir/R4/references.html#canonical, http://hl7.org/fhir/R4/search.html#uri */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idsOf, storeAll, type TestResource, testSearches } from '../../support/search.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const A = 'http://example.org/ValueSet/a';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  const valueSet = (id: string, url: string, version?: string): TestResource => ({
    resourceType: 'ValueSet',
    id,
    url,
    status: 'active',
    title: `Title ${id}`,
    ...(version && { version }),
  });
  const map = (id: string, sourceCanonical: string): TestResource => ({
    resourceType: 'ConceptMap',
    id,
    status: 'active',
    sourceCanonical,
  });
  await storeAll(stack, [
    valueSet('v1', A, '1'),
    valueSet('v2', A, '2'),
    valueSet('none', A),
    valueSet('longer', `${A}b`, '2'),
    map('of1', `${A}|1`),
    map('of2', `${A}|2`),
    map('of3', `${A}|3`),
    map('ofAny', A),
    map('ofLonger', `${A}b|2`),
    map('ofHere', `${stack.system.state.baseUrl}/ValueSet/here|1`),
  ]);
});
test.after(() => stack.stop());

testSearches(() => stack, {
  // Searched for by what is written.
  [`/ConceptMap?source=${A}`]: ['of1', 'of2', 'of3', 'ofAny'],
  [`/ConceptMap?source=${A}|2`]: ['of2'],
  [`/ConceptMap?source=${A}|9`]: [],
  [`/ConceptMap?source=${A}|2,${A}b`]: ['of2', 'ofLonger'],
  // The resource itself, by its address and version.
  [`/ValueSet?url=${A}`]: ['none', 'v1', 'v2'],
  [`/ValueSet?url=${A}|2`]: ['v2'],
  [`/ValueSet?url=${A}|9`]: [],
  [`/ValueSet?url=${A}|1,${A}b`]: ['longer', 'v1'],
  // Through it: a version leads to that one only, an address without one to all.
  '/ConceptMap?source.version=2': ['of2', 'ofAny', 'ofLonger'],
  '/ConceptMap?source.title=title v1': ['of1', 'ofAny'],
  '/ConceptMap?source.title=title none': ['ofAny'],
  '/ConceptMap?_id=of1,of2,of3&source.title=title': ['of1', 'of2'],
  '/ValueSet?_has:ConceptMap:source:_id=of2': ['v2'],
  '/ValueSet?_has:ConceptMap:source:_id=of3': [],
  '/ValueSet?_has:ConceptMap:source:_id=ofAny': ['none', 'v1', 'v2'],
  '/ValueSet?_id=v1,v2,longer&_has:ConceptMap:source:_id=of2': ['v2'],
  '/ValueSet?_id=v1,v2,longer&_has:ConceptMap:source:_id=of3': [],
  '/ValueSet?_id=v1,v2,longer&_has:ConceptMap:source:_id=ofAny': ['v1', 'v2'],
});

for (const [query, included] of Object.entries({
  'ConceptMap?_id=of2&_include=ConceptMap:source': ['v2'],
  'ConceptMap?_id=of3&_include=ConceptMap:source': [],
  'ConceptMap?_id=ofAny&_include=ConceptMap:source': ['none', 'v1', 'v2'],
  'ConceptMap?_id=of1,ofLonger&_include=*': ['longer', 'v1'],
  'ValueSet?_id=v2&_revinclude=ConceptMap:source': ['of2', 'ofAny'],
  'ValueSet?_id=none&_revinclude=ConceptMap:source': ['ofAny'],
  'ValueSet?_id=longer&_revinclude=*': ['ofLonger'],
}))
  test(`includes ${included.join(', ') || 'nothing'} by ${query}`, async () => {
    const answer = await stack.request(`/${query}`);
    assert.is(answer.status, 200, answer.text);
    assert.equal(idsOf(answer, 'include').sort(), included);
  });

test('finds a canonical reference to this server with and without its version', async () => {
  for (const written of [`${stack.system.state.baseUrl}/ValueSet/here`, `${stack.system.state.baseUrl}/ValueSet/here|1`])
    assert.equal(idsOf(await stack.request(`/ConceptMap?source=${written}`)), ['ofHere'], written);
});

test.run();
