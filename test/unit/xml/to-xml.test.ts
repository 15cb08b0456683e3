import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { FhirError } from '../../../fhir/http/outcome.ts';
import { inOnePiece } from '../../../fhir/json/bytes.ts';
import { bundleToXml, toXml } from '../../../fhir/xml/to-xml.ts';

const registry = loadRegistry();
const HEAD = '<?xml version="1.0" encoding="UTF-8"?>';
const patient = (members: string): string => toXml(`{"resourceType":"Patient",${members}}`, registry);
const body = (xml: string): string => xml.replace(`${HEAD}<Patient xmlns="http://hl7.org/fhir">`, '').replace('</Patient>', '');
const narrative = (div: string): string => `"text":{"status":"generated","div":${JSON.stringify(div)}}`;

const CASES: Readonly<Record<string, readonly [members: string, xml: string]>> = {
  'writes elements in the order of the definitions': [
    '"gender":"female","active":true,"id":"a"',
    '<id value="a"/><active value="true"/><gender value="female"/>',
  ],
  'writes what a primitive has beside it as id and extension': [
    '"_birthDate":{"id":"b","extension":[{"url":"u","valueCode":"x"}]},"birthDate":"2000"',
    '<birthDate id="b" value="2000"><extension url="u"><valueCode value="x"/></extension></birthDate>',
  ],
  'keeps the places of values that have only extensions': [
    '"name":[{"given":["A",null,"C"],"_given":[null,{"id":"x"},null]}]',
    '<name><given value="A"/><given id="x"/><given value="C"/></name>',
  ],
  'writes id and url of an extension as attributes': [
    '"extension":[{"valueDecimal":1.10,"url":"http://u?a=1&b=2","id":"e"}]',
    '<extension id="e" url="http://u?a=1&amp;b=2"><valueDecimal value="1.10"/></extension>',
  ],
  'writes contained resources by their type': [
    '"contained":[{"resourceType":"Group","id":"g"},{"resourceType":"Basic","id":"b"}]',
    '<contained><Group><id value="g"/></Group></contained><contained><Basic><id value="b"/></Basic></contained>',
  ],
  'escapes what an attribute would lose': [
    '"name":[{"text":"a\\n\\t\\r<\\">& \u{1F600}"}]',
    '<name><text value="a&#10;&#9;&#13;&lt;&quot;&gt;&amp; \u{1F600}"/></name>',
  ],
  'writes named characters of a narrative as numbers, those of XML as they are': [
    narrative('<div xmlns="http://www.w3.org/1999/xhtml">a&nbsp;&lt;&eacute;<br/><!-- &nbsp; --></div>'),
    '<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">a&#160;&lt;&#233;<br/><!-- &nbsp; --></div></text>',
  ],
  'puts the namespace on a div that has none': [
    narrative('<div class="a">b</div>'),
    '<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml" class="a">b</div></text>',
  ],
};
for (const [name, [members, xml]] of Object.entries(CASES)) test(name, () => assert.is(body(patient(members)), xml));

test('keeps numbers that JavaScript would change', () => {
  const json = '{"resourceType":"Observation","valueQuantity":{"value":100000000000000000000.000000000000000010,"code":"1.10"}}';
  assert.ok(toXml(json, registry).includes('<value value="100000000000000000000.000000000000000010"/><code value="1.10"/>'));
});

test('indents for people, and leaves the narrative alone', () => {
  const json = `{"resourceType":"Patient",${narrative('<div>a <b>c</b></div>')},"contained":[{"resourceType":"Basic","id":"b"}],"name":[{"given":["A"]}]}`;
  assert.is(
    toXml(json, registry, true),
    `${HEAD}
<Patient xmlns="http://hl7.org/fhir">
  <text>
    <status value="generated"/>
    <div xmlns="http://www.w3.org/1999/xhtml">a <b>c</b></div>
  </text>
  <contained>
    <Basic>
      <id value="b"/>
    </Basic>
  </contained>
  <name>
    <given value="A"/>
  </name>
</Patient>`,
  );
});

const REFUSED: Readonly<Record<string, readonly [members: string, expression: string, says: RegExp]>> = {
  'refuses a character that XML 1.0 has not': ['"name":[{"text":"a\uFFFE"}]', 'Patient.name[0].text', /ask for application\/fhir\+json/],
  'refuses half of a surrogate pair': ['"name":[{},{"text":"\\ud800"}]', 'Patient.name[1].text', /XML 1\.0/],
  'refuses a narrative that is not well-formed': [narrative('<div>a<br></div>'), 'Patient.text.div', /not well-formed XHTML/],
  'refuses a narrative with an entity that HTML has not': [narrative('<div>&xxe;</div>'), 'Patient.text.div', /entity/],
  'refuses a narrative with a DOCTYPE': [narrative('<!DOCTYPE div><div>a</div>'), 'Patient.text.div', /DOCTYPE/],
  'refuses a narrative that brings a second root': [narrative('<div>a</div><div>b</div>'), 'Patient.text.div', /one root/],
  'refuses a narrative with elements of FHIR in it': [
    narrative('<div>a<x xmlns="http://hl7.org/fhir"/></div>'),
    'Patient.text.div',
    /namespace of XHTML/,
  ],
  'refuses an element that the definitions have not': ['"shoeSize":43', 'Patient', /shoeSize/],
  'refuses what is beside the url of an extension': ['"extension":[{"url":"u","_url":{"id":"x"}}]', 'Patient.extension[0]', /_url/],
};
for (const [name, [members, expression, says]] of Object.entries(REFUSED)) {
  test(name, () => {
    assert.throws(
      () => patient(members),
      (error: unknown) =>
        error instanceof FhirError && error.status === 406 && error.issues[0]?.expression === expression && says.test(error.message),
    );
  });
}

test('writes a Bundle piece by piece as in one go, and names the entry that XML cannot hold', async () => {
  const entry = (text: string): object => ({ resource: { resourceType: 'Patient', name: [{ text }] }, response: { status: '200 OK' } });
  const bundle = (entries: readonly object[]): string =>
    JSON.stringify({ resourceType: 'Bundle', id: 'a', type: 'batch-response', entry: entries });
  const inPieces = async (json: string, isPretty: boolean): Promise<string> => {
    const pieces: Buffer[] = [];
    for await (const piece of bundleToXml(inOnePiece(Buffer.from(json)), registry, isPretty)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  };
  for (const count of [0, 1, 64, 200]) {
    const json = bundle(Array.from({ length: count }, (_, i) => entry(`\u{1F600} ${i}`)));
    for (const isPretty of [false, true]) assert.is(await inPieces(json, isPretty), toXml(json, registry, isPretty));
  }
  const wrong = bundle(Array.from({ length: 100 }, (_, i) => entry(i === 80 ? '\u0001' : 'a')));
  const expression = 'Bundle.entry[80].resource.name[0].text';
  const error = await inPieces(wrong, false).catch((each: FhirError) => each);
  assert.is((error as FhirError).issues[0]!.expression, expression);
});

test.run();
