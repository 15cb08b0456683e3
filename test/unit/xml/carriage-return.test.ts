import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { readReturns, writeReturns } from '../../../fhir/xml/carriage-return.ts';
import { fromXml } from '../../../fhir/xml/from-xml.ts';
import { toXml } from '../../../fhir/xml/to-xml.ts';

const registry = loadRegistry();
const XHTML = 'xmlns="http://www.w3.org/1999/xhtml"';
const patient = (div: string): string => JSON.stringify({ resourceType: 'Patient', text: { status: 'generated', div } });

const SAME: Readonly<Record<string, string>> = {
  'between elements and in text': `<div ${XHTML}>\r\n<p>a\rb\r\r\n</p>\r</div>`,
  'in the value of an attribute': `<div ${XHTML}><p title="a\r\nb" class='c\rd > e'>x\r</p></div>`,
  'beside a comment and CDATA': `<div ${XHTML}>\r<!-- a " ' \n -->\r<![CDATA[<p title="&#13;">]]>\r</div>`,
  'where there is none': `<div ${XHTML}>a\nb</div>`,
};
for (const [where, div] of Object.entries(SAME))
  test(`a carriage return ${where} is one after the way through XML`, () => {
    const xml = toXml(patient(div), registry);
    assert.not.ok(xml.includes('\r'), 'no reader can take one for a line feed');
    assert.is(JSON.parse(fromXml(xml, registry)).text.div, div);
  });

test('one within a comment, CDATA or between attributes becomes a line feed, for XML has no other way', () => {
  const div = `<div ${XHTML}><!-- a\r\n --><![CDATA[b\r]]><p\r\n class="c">d</p></div>`;
  assert.is(JSON.parse(fromXml(toXml(patient(div), registry), registry)).text.div, div.replaceAll(/\r\n?/g, '\n'));
});

test('one that a client wrote as a number keeps its meaning: &#13; in JSON stays a reference', () => {
  const div = `<div ${XHTML}>a&#13;b\rc</div>`;
  const xml = toXml(patient(div), registry);
  assert.ok(xml.includes('a&#xD;b&#13;c'), xml);
  assert.is(JSON.parse(fromXml(xml, registry)).text.div, `<div ${XHTML}>a&#xD;b\rc</div>`);
});

test('the line ends of a document are line feeds, those of its character references are not', () => {
  const div = `<h:div>\r\na&#13;\r\n<h:p title="&#13;"/></h:div>`;
  const xml = `<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><text><status value="generated"/>${div}</text></Patient>`;
  assert.is(JSON.parse(fromXml(xml, registry)).text.div, `<div ${XHTML}>\na\r\n<p title="\r"></p></div>`);
});

test('takes no longer than the text is long', () => {
  const startedAt = performance.now();
  for (const text of [
    '\r'.repeat(1 << 20),
    '<p title="\r"/>'.repeat(1 << 16),
    `<p a="${'\r'.repeat(1 << 20)}"/>`,
    `<p ${'\r'.repeat(1 << 20)}/>`,
  ])
    readReturns(writeReturns(text));
  assert.ok(performance.now() - startedAt < 3000);
});

test.run();
