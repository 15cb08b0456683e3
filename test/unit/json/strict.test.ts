import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { JsonSyntaxError, parseJson } from '../../../fhir/json/strict.ts';

const messageOf = (text: string): string => {
  try {
    parseJson(text);
  } catch (error) {
    assert.instance(error, JsonSyntaxError);
    return (error as Error).message;
  }
  throw new Error(`${text.slice(0, 60)} was accepted`);
};

test('gives what JSON.parse gives for a good text', () => {
  const text = '{"a":[1.10,-2e3,true,null,{"b":"\\u00e9\\"{[:"}],"c":{}}';
  assert.equal(parseJson(text), JSON.parse(text));
});

test('says where the fault of a text is that holds a long string', () => {
  assert.match(messageOf(`{"data":"${'A'.repeat(10 << 20)}","a":"${'\\n'.repeat(5 << 20)}",}`), /comma has no member after it/);
});

const FAULTS: Readonly<Record<string, readonly [text: string, message: RegExp]>> = {
  'an empty text': ['', /ends too early, at line 1, column 1/],
  'a text that stops': ['{"a":\n [1,', /ends too early, at line 2, column 5/],
  'a trailing comma': ['{"a":1,}', /comma has no member after it.*column 8/],
  'a trailing comma in an array': ['[1,]', /value is missing.*column 4/],
  'two values': ['{} {}', /goes on after its end.*column 4/],
  'single quotes': ["{'a':1}", /in double quotes.*column 2/],
  'a missing colon': ['{"a" 1}', /colon.*column 6/],
  'a missing comma': ['[1 2]', /comma or \].*column 4/],
  NaN: ['{"a":NaN}', /no JSON value.*column 6/],
  'a leading zero': ['[01]', /no JSON value.*column 2/],
  'a raw line feed in a string': ['["a\nb"]', /control character.*column 2/],
  'a name twice': ['{"a":1,"b":{"c":1,"c":2}}', /same name.*column 19/],
  'a name twice by escape': ['{"a":1,"\\u0061":2}', /same name.*column 8/],
  'half a character': ['["\\ud800"]', /half a character.*column 2/],
  'endless nesting': ['['.repeat(10_000), /deeper than 100 levels.*column 101/],
  'closed endless nesting': ['{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000), /deeper than 100 levels/],
};
for (const [name, [text, message]] of Object.entries(FAULTS)) {
  test(`refuses ${name} and says where`, () => assert.match(messageOf(text), message));
}

test('takes a whole character from two escapes', () => {
  assert.is(parseJson('"\\ud83d\\ude00"'), '😀');
});

test('never quotes the text', () => {
  assert.not.match(messageOf('{"name":"Secret" "x"}'), /Secret/);
});

test.run();
