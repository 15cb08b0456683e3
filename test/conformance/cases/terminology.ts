import { type Area, one, refuses } from '../case.ts';

const parameters = (...parameter: readonly object[]): object => ({ resourceType: 'Parameters', parameter });

export const terminology: Area = {
  area: 'terminology',
  spec: 'http://hl7.org/fhir/R4/terminology-service.html',
  given: [
    {
      resourceType: 'CodeSystem',
      id: 'tx-cs',
      url: 'http://example.org/tx/cs',
      version: '1',
      name: 'Tx',
      status: 'active',
      content: 'complete',
      hierarchyMeaning: 'is-a',
      concept: [
        {
          code: 'animal',
          display: 'Animal',
          concept: [
            { code: 'cat', display: 'Cat' },
            { code: 'dog', display: 'Dog' },
          ],
        },
        { code: 'plant', display: 'Plant' },
      ],
    },
    {
      resourceType: 'ValueSet',
      id: 'tx-vs',
      url: 'http://example.org/tx/vs',
      status: 'active',
      compose: { include: [{ system: 'http://example.org/tx/cs', filter: [{ property: 'concept', op: 'is-a', value: 'animal' }] }] },
    },
    {
      resourceType: 'ConceptMap',
      id: 'tx-cm',
      url: 'http://example.org/tx/cm',
      status: 'active',
      group: [
        {
          source: 'http://example.org/tx/cs',
          target: 'urn:latin',
          element: [{ code: 'cat', target: [{ code: 'felis', equivalence: 'equivalent' }] }],
        },
      ],
    },
  ],
  cases: [
    one('$expand of a stored value set', {
      send: 'GET /ValueSet/tx-vs/$expand',
      expect: {
        status: 200,
        has: { resourceType: 'ValueSet', 'expansion.contains.#': 3 },
        text: /^(?=[^]*"cat")(?=[^]*"dog")(?![^]*"plant")/,
      },
    }),
    one('$expand by url and filter', {
      send: 'GET /ValueSet/$expand?url=http://example.org/tx/vs&filter=ca',
      expect: { status: 200, has: { 'expansion.contains.0.code': 'cat', 'expansion.contains.#': 1 } },
    }),
    one('$expand of a value set of R4', {
      send: 'GET /ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender',
      expect: { status: 200, has: { 'expansion.contains.#': 4 } },
    }),
    one('ValueSet/$validate-code: a member', {
      send: 'GET /ValueSet/$validate-code?url=http://example.org/tx/vs&system=http://example.org/tx/cs&code=dog',
      expect: { status: 200, has: { resourceType: 'Parameters' }, text: /"result"[^}]*true|true[^}]*"result"/ },
    }),
    one('ValueSet/$validate-code: no member', {
      send: 'GET /ValueSet/$validate-code?url=http://example.org/tx/vs&system=http://example.org/tx/cs&code=plant',
      expect: { status: 200, text: /"result"[^}]*false|false[^}]*"result"/ },
    }),
    one('CodeSystem/$validate-code', {
      send: 'GET /CodeSystem/$validate-code?url=http://example.org/tx/cs&code=plant',
      expect: { status: 200, text: /"result"[^}]*true|true[^}]*"result"/ },
    }),
    one('$lookup', {
      send: 'GET /CodeSystem/$lookup?system=http://example.org/tx/cs&code=cat',
      expect: { status: 200, has: { resourceType: 'Parameters' }, text: /"Cat"/ },
    }),
    one('$lookup by POST', {
      send: 'POST /CodeSystem/$lookup',
      body: parameters({ name: 'coding', valueCoding: { system: 'http://example.org/tx/cs', code: 'dog' } }),
      expect: { status: 200, text: /"Dog"/ },
    }),
    refuses('$lookup of a code that there isn’t', 'GET /CodeSystem/$lookup?system=http://example.org/tx/cs&code=stone', [400, 404, 422]),
    one('$subsumes', {
      send: 'GET /CodeSystem/$subsumes?system=http://example.org/tx/cs&codeA=animal&codeB=cat',
      expect: { status: 200, text: /"subsumes"/ },
    }),
    one('$subsumes the other way', {
      send: 'GET /CodeSystem/$subsumes?system=http://example.org/tx/cs&codeA=cat&codeB=animal',
      expect: { status: 200, text: /"subsumed-by"/ },
    }),
    one('$translate', {
      send: 'GET /ConceptMap/$translate?url=http://example.org/tx/cm&system=http://example.org/tx/cs&code=cat',
      expect: { status: 200, has: { resourceType: 'Parameters' }, text: /^(?=[^]*"felis")(?=[^]*"equivalent")/ },
    }),
    one('$translate the other way', {
      send: 'GET /ConceptMap/tx-cm/$translate?system=urn:latin&code=felis&reverse=true',
      expect: { status: 200, text: /"cat"/ },
    }),
    one('$expand by another version of a code system', {
      send: 'GET /ValueSet/tx-vs/$expand?system-version=http://example.org/tx/cs|1',
      expect: { status: 200, has: { 'expansion.contains.#': 3 } },
    }),
    one('$expand counts and begins where it is asked to', {
      send: 'GET /ValueSet/tx-vs/$expand?offset=1&count=1',
      expect: { status: 200, has: { 'expansion.total': 3, 'expansion.offset': 1, 'expansion.contains.#': 1 } },
    }),
    one('$expand of a ValueSet that is sent', {
      send: 'POST /ValueSet/$expand',
      body: parameters({
        name: 'valueSet',
        resource: {
          resourceType: 'ValueSet',
          status: 'active',
          compose: {
            include: [{ system: 'http://example.org/tx/cs' }],
            exclude: [{ system: 'http://example.org/tx/cs', filter: [{ property: 'concept', op: 'is-a', value: 'animal' }] }],
          },
        },
      }),
      expect: { status: 200, has: { 'expansion.contains.#': 1, 'expansion.contains.0.code': 'plant' } },
    }),
    one('ValueSet/$validate-code: a display that is another one', {
      send: 'GET /ValueSet/tx-vs/$validate-code?system=http://example.org/tx/cs&code=cat&display=Dog',
      expect: { status: 200, text: /^(?=[^]*"message")[^]*("result"[^}]*false|false[^}]*"result")/ },
    }),
    one('ValueSet/$validate-code: a concept of which one code is a member', {
      send: 'POST /ValueSet/tx-vs/$validate-code',
      body: parameters({
        name: 'codeableConcept',
        valueCodeableConcept: {
          coding: [
            { system: 'http://example.org/tx/cs', code: 'plant' },
            { system: 'http://example.org/tx/cs', code: 'cat' },
          ],
        },
      }),
      expect: { status: 200, text: /"result"[^}]*true|true[^}]*"result"/ },
    }),
    one('$subsumes of codes of which neither is above the other', {
      send: 'GET /CodeSystem/$subsumes?system=http://example.org/tx/cs&codeA=cat&codeB=dog',
      expect: { status: 200, text: /"not-subsumed"/ },
    }),
    one('$lookup of the properties that are asked for', {
      send: 'GET /CodeSystem/$lookup?system=http://example.org/tx/cs&code=cat&property=parent',
      expect: { status: 200, text: /"parent"[^]*"animal"/ },
    }),
    one('$translate of a code that nothing maps: no failure', {
      send: 'GET /ConceptMap/tx-cm/$translate?system=http://example.org/tx/cs&code=dog',
      expect: { status: 200, text: /"result"[^}]*false|false[^}]*"result"/ },
    }),
    refuses('$expand of nothing', 'GET /ValueSet/$expand', 400),
    refuses('$translate of a map that there isn’t', 'GET /ConceptMap/nobody/$translate?system=urn:x&code=y', 404),
    refuses('$expand of a value set that nobody knows', 'GET /ValueSet/$expand?url=urn:none', [400, 404, 422]),
  ],
};
