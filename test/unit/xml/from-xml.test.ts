import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { FhirError } from '../../../fhir/http/outcome.ts';
import type { Bytes } from '../../../fhir/json/bytes.ts';
import { bundleFromXml, fromXml, fromXmlInTurns } from '../../../fhir/xml/from-xml.ts';

const registry = loadRegistry();
const patientXml = (content: string): string => `<Patient xmlns="http://hl7.org/fhir">${content}</Patient>`;
const XHTML = 'xmlns="http://www.w3.org/1999/xhtml"';

const CASES: Readonly<Record<string, readonly [content: string, members: string]>> = {
  'reads a single element of a list as a list': ['<name><given value="A"/></name>', '"name":[{"given":["A"]}]'],
  'reads booleans and numbers as such, and whole numbers with a plus': [
    '<active value="true"/><multipleBirthInteger value="+2"/>',
    '"active":true,"multipleBirthInteger":2',
  ],
  'keeps decimals as they are written': [
    '<extension url="u"><valueDecimal value="1.10"/></extension><extension url="v"><valueDecimal value="1e-400"/></extension>',
    '"extension":[{"url":"u","valueDecimal":1.10},{"url":"v","valueDecimal":1e-400}]',
  ],
  'puts id and extension of a primitive beside it, with null in the other places': [
    '<name><given value="A"/><given id="x"><extension url="u"><valueString value="s"/></extension></given></name>',
    '"name":[{"given":["A",null],"_given":[null,{"id":"x","extension":[{"url":"u","valueString":"s"}]}]}]',
  ],
  'accepts elements in any order, and gathers those that repeat': [
    '<name><text value="1"/></name><active value="false"/><name><text value="2"/></name>',
    '"name":[{"text":"1"},{"text":"2"}],"active":false',
  ],
  'keeps lines, tabs and quotes that were escaped, and takes unescaped ones for spaces': [
    '<name><text value="a&#10;b&#9;&quot;c&#x1F600;\n\td"/></name>',
    '"name":[{"text":"a\\nb\\t\\"c\u{1F600}  d"}]',
  ],
  'trims codes and dates, but no strings': [
    '<gender value=" male "/><birthDate value="\n2000"/><name><text value=" a "/></name>',
    '"gender":"male","birthDate":"2000","name":[{"text":" a "}]',
  ],
  'leaves comments and processing instructions out': ['<!-- a --><?b c?><active value="true"/>', '"active":true'],
  'takes a narrative as it stands': [
    `<text><status value="generated"/><div ${XHTML}><p class='a' >b&#160;<br /></p><!-- c --></div></text>`,
    `"text":{"status":"generated","div":"<div ${XHTML.replaceAll('"', '\\"')}><p class='a' >b&#160;<br /></p><!-- c --></div>"}`,
  ],
  'writes a narrative with a prefix anew': [
    '<text><h:div xmlns:h="http://www.w3.org/1999/xhtml" id="d"><h:p title="&lt;">a&amp;<h:br/>b</h:p><h:td/></h:div></text>',
    `"text":{"div":"<div ${XHTML.replaceAll('"', '\\"')} id=\\"d\\"><p title=\\"&lt;\\">a&amp;<br/>b</p><td></td></div>"}`,
  ],
  'reads contained resources': [
    '<contained><Group><id value="g"/></Group></contained><contained><Basic/></contained>',
    '"contained":[{"resourceType":"Group","id":"g"},{"resourceType":"Basic"}]',
  ],
};
for (const [name, [content, members]] of Object.entries(CASES)) {
  test(name, () => assert.is(fromXml(patientXml(content), registry), `{"resourceType":"Patient",${members}}`));
}

test('reads elements with a prefix, as JAXB writes them', () => {
  const xml = '<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value="true"/></f:Patient>';
  assert.is(fromXml(xml, registry), '{"resourceType":"Patient","active":true}');
});

const REFUSED: Readonly<Record<string, readonly [xml: string, expression: string | undefined, says: RegExp]>> = {
  'an unknown element, with its place': [
    patientXml('\n<name>\n  <familyName value="a"/></name>'),
    'Patient.name[0]',
    /HumanName has no element familyName: did you mean family\?, at line 3, column 3/,
  ],
  'an unknown attribute': [patientXml('<active value="true" lang="de"/>'), 'Patient.active', /no attribute lang/],
  'the schema instance namespace': [
    '<Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"/>',
    'Patient',
    /no attribute xsi:schemaLocation/,
  ],
  'an attribute that is an element elsewhere': ['<Patient xmlns="http://hl7.org/fhir" id="a"/>', 'Patient', /no attribute id/],
  'an element that is an attribute here': [
    patientXml('<extension><url value="u"/></extension>'),
    'Patient.extension[0]',
    /url is an attribute/,
  ],
  'no namespace': ['<Patient/>', undefined, /Patient is in no namespace: write xmlns="http:\/\/hl7.org\/fhir"/],
  'another namespace': [patientXml('<active xmlns="urn:x" value="true"/>'), 'Patient', /active is in the namespace urn:x/],
  'a div in the namespace of FHIR': [
    patientXml('<text><div>a</div></text>'),
    'Patient.text',
    /write xmlns="http:\/\/www.w3.org\/1999\/xhtml"/,
  ],
  'elements of FHIR in a narrative': [
    patientXml(`<text><div ${XHTML}><x xmlns="http://hl7.org/fhir"/></div></text>`),
    'Patient.text.div',
    /without prefixes/,
  ],
  'a type that R4 has not': ['<Pazient xmlns="http://hl7.org/fhir"/>', undefined, /Pazient is no FHIR R4 resource type/],
  'two of what is single': [patientXml('<active value="true"/><active value="true"/>'), 'Patient', /one active here at most/],
  'two resources in one contained': [patientXml('<contained><Basic/><Basic/></contained>'), 'Patient.contained[0]', /one resource here/],
  'an empty element': [patientXml('<name/>'), 'Patient.name[0]', /never empty/],
  'an empty primitive': [patientXml('<name><given/></name>'), 'Patient.name[0].given[0]', /never empty/],
  'text between elements': [patientXml('<active>true</active>'), 'Patient.active', /text between elements/],
  'CDATA between elements': [patientXml('<![CDATA[x]]>'), 'Patient', /text between elements/],
  'a number that is none': [patientXml('<multipleBirthInteger value="two"/>'), 'Patient.multipleBirthInteger', /should be a number/],
  'a number with a leading zero': [patientXml('<multipleBirthInteger value="02"/>'), 'Patient.multipleBirthInteger', /should be a number/],
  'a boolean that is none': [patientXml('<active value="1"/>'), 'Patient.active', /true or false/],
  'XML that is not well-formed': ['<Patient xmlns="http://hl7.org/fhir"><name>', 'Patient.name[0]', /can't be read.*at line 1, column 44/],
  'an entity that only HTML has': [patientXml('<name><text value="&nbsp;"/></name>'), 'Patient.name[0]', /&#160;/],
  'a character that XML 1.0 has not': [patientXml('<name><text value="&#1;"/></name>'), 'Patient.name[0]', /can't be read/],
  'an empty body': [' ', undefined, /no element/],
  JSON: ['{"resourceType":"Patient"}', undefined, /text outside of the root element/],
  'XML 1.1': [`<?xml version="1.1"?>${patientXml('')}`, undefined, /XML 1\.0/],
  'another encoding': [`<?xml version="1.0" encoding="ISO-8859-1"?>${patientXml('')}`, undefined, /UTF-8/],
  'a DOCTYPE': [`<!DOCTYPE Patient>${patientXml('')}`, undefined, /DOCTYPE/],
  'an external entity': [
    `<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>${patientXml('<name><text value="&x;"/></name>')}`,
    undefined,
    /DOCTYPE/,
  ],
  'entities that grow': [
    `<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>${patientXml('<name><text value="&b;"/></name>')}`,
    undefined,
    /DOCTYPE/,
  ],
  'more attributes than FHIR has': [
    `<Patient xmlns="http://hl7.org/fhir" ${Array.from({ length: 1000 }, (_, i) => `a${i}="1"`).join(' ')}/>`,
    undefined,
    /more than 64 attributes/,
  ],
  'a narrative with a processing instruction': [
    patientXml(`<text><div ${XHTML}><?php x ?></div></text>`),
    'Patient.text.div',
    /instruction/,
  ],
};
for (const [name, [xml, expression, says]] of Object.entries(REFUSED)) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => fromXml(xml, registry),
      (error: unknown) => {
        assert.instance(error, FhirError);
        const { status, issues, message } = error as FhirError;
        assert.is(status, 400);
        assert.match(message, says);
        assert.is(issues[0]?.expression, expression);
        return true;
      },
    );
  });
}

const nested = (depth: number): string => {
  const open = '<extension url="u">'.repeat(depth);
  return patientXml(`${open}<valueCode value="x"/>${'</extension>'.repeat(depth)}`);
};
test('reads as deep as JSON is read, and refuses what is deeper before it costs anything', () => {
  assert.ok(fromXml(nested(49), registry).length > 0);
  assert.throws(() => fromXml(nested(50), registry), /nested deeper than 100 levels/);
  assert.throws(() => fromXml(nested(1_000_000), registry), /nested deeper than 100 levels/);
  const div = `${`<div ${XHTML}>`.repeat(200)}${'</div>'.repeat(200)}`;
  assert.throws(() => fromXml(patientXml(`<text>${div}</text>`), registry), /nested deeper than 100 elements/);
});

test('reads a long text in turns as in one go, and says where it is wrong', async () => {
  const names = '<name><text value="\u{1F600}\u00e9"/></name>\n'.repeat(10_000);
  const narrative = `<text><div ${XHTML}>${'<p>\u{1F600}</p>'.repeat(10_000)}</div></text>`;
  const xml = patientXml(names + narrative);
  assert.is(await fromXmlInTurns(xml, registry), fromXml(xml, registry));
  const wrong = patientXml(`${names}<nam/>${names}`);
  const message: string = await fromXmlInTurns(wrong, registry).catch((error: Error) => error.message);
  assert.match(message, /Patient has no element nam: did you mean name\?, at line 10001, column 1$/);
  assert.throws(
    () => fromXml(wrong, registry),
    (error: Error) => error.message === message,
  );
});

/** As if it came in blocks of that many bytes. */
const inBlocks = (text: string, size: number): Bytes => {
  const bytes = Buffer.from(text);
  return {
    length: bytes.length,
    between: (start, end) => bytes.subarray(start, end),
    blockAt: (place) => {
      const start = place - (place % size);
      return { bytes: bytes.subarray(start, start + size), start };
    },
  };
};
const bundleInBlocks = async (xml: string, size: number): Promise<string> => {
  let json = '';
  for await (const chunk of bundleFromXml(inBlocks(xml, size), registry)) json += chunk.toString();
  return json;
};

test('reads a Bundle in blocks of any size as in one go, its entries first', async () => {
  const verbatim = `<div ${XHTML}><p class='a' >b&#160;\u{1F600}<br /></p><!-- < --></div>`;
  const anew = '<h:div xmlns:h="http://www.w3.org/1999/xhtml">\n<h:p>a&amp;b</h:p></h:div>';
  const entries = [verbatim, anew].map((div) => `<entry>\n<resource>${patientXml(`<text>${div}</text>`)}</resource></entry>`).join('');
  const inner = `<resource><Bundle>${entries.replaceAll('\n', '')}<type value="batch"/></Bundle></resource>`;
  for (const content of [
    `<type value="batch"/>\n${entries}<total value="2"/>`,
    `${entries}<entry>${inner}</entry>`,
    '<id value="a"/>',
    '',
  ]) {
    const xml = `<Bundle xmlns="http://hl7.org/fhir">${content}</Bundle>`;
    const { entry, ...others } = JSON.parse(fromXml(xml, registry)) as Record<string, unknown>;
    const expected = JSON.stringify({ ...(entry !== undefined && { entry }), ...others });
    for (const size of [1, 2, 7, 100, 1000, 1_000_000]) assert.is(await bundleInBlocks(xml, size), expected, `${content}, ${size}`);
  }
});

test('a long Bundle leaves little in memory of what has been read', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const patient = patientXml(`<text><div ${XHTML}>${'note '.repeat(200)}</div></text>`);
  const xml = `<Bundle xmlns="http://hl7.org/fhir">${`<entry><resource>${patient}</resource></entry>`.repeat(10_000)}</Bundle>`;
  const blocks = inBlocks(xml, 1 << 18);
  const before = used();
  let most = 0;
  let read = 0;
  for await (const chunk of bundleFromXml(blocks, registry)) {
    if (read % (1 << 21) > (read += chunk.length) % (1 << 21)) most = Math.max(most, used() - before);
  }
  assert.ok(most > 0 && most < xml.length / 4, `${most} of ${xml.length} bytes`);
});

test('says where a Bundle is wrong in whichever block that is', async () => {
  const wrong = `<Bundle xmlns="http://hl7.org/fhir">\n<entry>\n<fullUrl value="u"/>\n</entry><entry>\n  <nam/></entry></Bundle>`;
  for (const size of [1, 10, 1000]) {
    const message = await bundleInBlocks(wrong, size).catch((error: Error) => error.message);
    assert.match(message, /^Bundle\.entry\[1\]: .*, at line 5, column 3$/);
  }
});

test('never quotes a value that it refuses', () => {
  for (const content of ['<active value="secret"/>', '<active>secret</active>', '<name a="secret"/>']) {
    assert.throws(
      () => fromXml(patientXml(content), registry),
      (error: Error) => !error.message.includes('secret'),
    );
  }
});

test.run();
