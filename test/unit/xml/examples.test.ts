import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { numbersAsText } from '../../../fhir/json/number-text.ts';
import { fromXml } from '../../../fhir/xml/from-xml.ts';
import { toXml } from '../../../fhir/xml/to-xml.ts';

const registry = loadRegistry();
const files = globSync('test/data/xml/*.{json,xml}');
const names = [...new Set(files.map((file) => basename(file).replace(/\.\w+$/, '')))].sort();
const read = (name: string): string => readFileSync(`test/data/xml/${name}`, 'utf8');
/** A value in which numbers are the texts that were written. */
const parse = (text: string): unknown => JSON.parse(numbersAsText(text));

for (const name of names) {
  const hasJson = existsSync(`test/data/xml/${name}.json`);
  const hasXml = existsSync(`test/data/xml/${name}.xml`);
  if (hasJson) {
    test(`${name}: JSON → XML → JSON is the same, numbers as written`, () => {
      const json = read(`${name}.json`);
      assert.equal(parse(fromXml(toXml(json, registry), registry)), parse(json));
    });
  }
  if (hasXml) {
    test(`${name}: XML → JSON → XML → JSON is the same`, () => {
      const json = fromXml(read(`${name}.xml`), registry);
      assert.equal(fromXml(toXml(json, registry), registry), json);
    });
  }
  if (hasJson && hasXml) {
    test(`${name}: XML → JSON is the JSON that was published`, () => {
      assert.equal(parse(fromXml(read(`${name}.xml`), registry)), parse(read(`${name}.json`)));
    });
  }
}

test('keeps the decimals of observation-decimal as they are written', () => {
  const json = fromXml(read('observation-decimal.xml'), registry);
  for (const number of ['1.0', '1.00', '1.0e0', '0.0000000000000000000001', '1.000000000000000000e-245', '-1.000000000000000000e245']) {
    assert.ok(json.includes(`"value":${number},`), number);
  }
});

test.run();
