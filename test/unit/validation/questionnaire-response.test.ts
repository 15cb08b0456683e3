import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Json } from '../../../fhir/json/value.ts';
import { Findings } from '../../../fhir/validation/findings.ts';
import { checkResponse } from '../../../fhir/validation/questionnaire-response.ts';

const HL7 = 'http://hl7.org/fhir/StructureDefinition/';
const limit = (name: string, value: object): object => ({ extension: [{ url: HL7 + name, ...value }] });
const coding = (code: string): object => ({ valueCoding: { system: 'http://a.b', code } });
const memberOf = ({ code }: Json): boolean | undefined => (code === 'open' ? undefined : code === 'in');

/** What is said of the answers `items` to the questions `asked`. */
const told = (asked: readonly object[], items: readonly object[], status = 'completed'): string[] => {
  const findings = new Findings('QuestionnaireResponse');
  const response = { resourceType: 'QuestionnaireResponse', status, ...(items.length > 0 && { item: items }) };
  checkResponse(response, { resourceType: 'Questionnaire', status: 'active', item: asked }, findings, { memberOf });
  return findings.issues.map(({ severity, diagnostics }) => `${severity} ${diagnostics.replace(/^QuestionnaireResponse/, 'QR')}`);
};
/** One question of a type and its answers. */
const one = (question: object, ...answers: object[]): string[] =>
  told([{ linkId: 'q', ...question }], answers.length === 0 ? [] : [{ linkId: 'q', answer: answers }]);

const GROUP = {
  linkId: 'g',
  type: 'group',
  repeats: true,
  item: [
    { linkId: 'a', type: 'string', required: true },
    { linkId: 'b', type: 'boolean' },
  ],
};
const A = { linkId: 'a', answer: [{ valueString: 'x' }] };
const B = { linkId: 'b', answer: [{ valueBoolean: true }] };
const when = (operator: string, answer: object): object[] => [
  { linkId: 'n', type: 'integer' },
  { linkId: 'q', type: 'string', required: true, enableWhen: [{ question: 'n', operator, ...answer }] },
];
const number = (valueInteger: number): object => ({ linkId: 'n', answer: [{ valueInteger }] });
const text = { linkId: 'q', answer: [{ valueString: 'x' }] };

const CASES: Readonly<Record<string, readonly [found: () => string[], ...says: RegExp[]]>> = {
  'good answers': [
    () =>
      told(
        [GROUP],
        [
          { linkId: 'g', item: [A, B] },
          { linkId: 'g', item: [A] },
        ],
      ),
  ],
  'an item that is none of the questions': [() => told([GROUP], [{ linkId: 'x' }]), /^error QR\.item\[0\]\.linkId: .*"x" is none of/],
  'an item at another place': [() => told([GROUP], [A]), /^error QR\.item\[0\]\.linkId: .*belongs to another place/],
  'items in another order': [
    () => told([GROUP], [{ linkId: 'g', item: [B, A] }]),
    /^error QR\.item\[0\]\.item\[1\]: "a" should come earlier/,
  ],
  'a required answer missing': [() => told([GROUP], [{ linkId: 'g', item: [B] }]), /^error QR\.item\[0\]: "a" must be answered/],
  'a required answer missing in what is in progress': [() => told([GROUP], [{ linkId: 'g', item: [B] }], 'in-progress')],
  'a required group without content': [() => told([{ ...GROUP, required: true }], []), /^error QR: "g" must be answered/],
  'an answer of a group': [
    () => told([{ ...GROUP, item: [] }], [{ linkId: 'g', answer: [{ valueString: 'x' }] }]),
    /^error QR\.item\[0\]\.answer: a group/,
  ],
  'an answer of a display': [() => one({ type: 'display' }, { valueString: 'x' }), /a display has no answer/],
  'items right below a question': [
    () => told([{ linkId: 'q', type: 'string', item: [B] }], [{ ...text, item: [B] }]),
    /^error QR\.item\[0\]\.item: items below a question/,
  ],
  'items below an answer': [
    () =>
      told(
        [{ linkId: 'q', type: 'string', item: [{ linkId: 'b', type: 'boolean' }] }],
        [{ linkId: 'q', answer: [{ valueString: 'x', item: [B] }] }],
      ),
  ],
  'two answers where one is allowed': [() => one({ type: 'string' }, { valueString: 'x' }, { valueString: 'y' }), /has one answer at most/],
  'two answers where it repeats': [() => one({ type: 'string', repeats: true }, { valueString: 'x' }, { valueString: 'y' })],
  'a group twice that does not repeat': [
    () =>
      told(
        [{ ...GROUP, repeats: false }],
        [
          { linkId: 'g', item: [A] },
          { linkId: 'g', item: [A] },
        ],
      ),
    /^error QR\.item\[1\]: "g" doesn't repeat/,
  ],
  'another type': [() => one({ type: 'integer' }, { valueString: '1' }), /^error QR\.item\[0\]\.answer\[0\]: .*a Integer, not a String/],
  'a text for an open choice': [() => one({ type: 'open-choice', answerOption: [coding('x')] }, { valueString: 'other' })],
  'an option': [() => one({ type: 'choice', answerOption: [coding('x'), coding('y')] }, coding('y'))],
  'an integer for an option': [() => one({ type: 'choice', answerOption: [{ valueInteger: 1 }] }, { valueInteger: 1 })],
  'none of the options': [() => one({ type: 'choice', answerOption: [coding('x')] }, coding('z')), /none of the options of "q"/],
  'a code of the value set': [() => one({ type: 'choice', answerValueSet: 'http://v.s' }, coding('in'))],
  'a code outside of the value set': [
    () => one({ type: 'choice', answerValueSet: 'http://v.s' }, coding('out')),
    /^error .*"out" is not in http:\/\/v\.s/,
  ],
  'a code of a value set that is not loaded': [
    () => one({ type: 'choice', answerValueSet: 'http://v.s' }, coding('open')),
    /^information .*not checked/,
  ],
  'a text that is too long': [() => one({ type: 'string', maxLength: 2 }, { valueString: 'abc' }), /2 characters at most/],
  'a text that is too short': [
    () => one({ type: 'text', ...limit('minLength', { valueInteger: 4 }) }, { valueString: 'abc' }),
    /4 characters at least/,
  ],
  'a number below the least': [
    () => one({ type: 'integer', ...limit('minValue', { valueInteger: 4 }) }, { valueInteger: 3 }),
    /at least 4/,
  ],
  'a date after the most': [
    () => one({ type: 'date', ...limit('maxValue', { valueDate: '2024' }) }, { valueDate: '2025-01-01' }),
    /at most "2024"/,
  ],
  'too many decimal places': [
    () => one({ type: 'decimal', ...limit('maxDecimalPlaces', { valueInteger: 1 }) }, { valueDecimal: 1.25 }),
    /1 decimal places at most/,
  ],
  'too few answers': [
    () => one({ type: 'string', repeats: true, ...limit('questionnaire-minOccurs', { valueInteger: 2 }) }, { valueString: 'x' }),
    /has 1 answers: 2 are the least/,
  ],
  'too many answers': [
    () =>
      one(
        { type: 'string', repeats: true, ...limit('questionnaire-maxOccurs', { valueInteger: 1 }) },
        { valueString: 'x' },
        { valueString: 'y' },
      ),
    /has 2 answers: 1 are the most/,
  ],
  'another unit': [
    () =>
      one(
        { type: 'quantity', ...limit('questionnaire-unitOption', { valueCoding: { code: 'kg' } }) },
        { valueQuantity: { value: 1, code: 'g' } },
      ),
    /its unit "g" is none/,
  ],
  'a reference to another type': [
    () =>
      one(
        { type: 'reference', ...limit('questionnaire-referenceResource', { valueCode: 'Patient' }) },
        { valueReference: { reference: 'Group/1' } },
      ),
    /a reference to Group isn't allowed/,
  ],
  'data of another kind': [
    () => one({ type: 'attachment', ...limit('mimeType', { valueCode: 'image/gif' }) }, { valueAttachment: { contentType: 'text/plain' } }),
    /its contentType "text\/plain" is none of image\/gif/,
  ],
  'an answer that is enabled': [() => told(when('>', { answerInteger: 1 }), [number(2), text])],
  'an answer that is not enabled': [
    () => told(when('>', { answerInteger: 1 }), [number(1), text]),
    /^error QR\.item\[1\]: "q" is not enabled/,
  ],
  'a required answer that is not enabled': [() => told(when('<=', { answerInteger: 1 }), [number(2)])],
  'a required answer that is enabled': [() => told(when('!=', { answerInteger: 1 }), [number(2)]), /"q" must be answered/],
  'an answer enabled by there being none': [() => told(when('exists', { answerBoolean: false }), [text])],
  'an answer enabled by any of two': [
    () =>
      told(
        [
          { linkId: 'n', type: 'integer' },
          {
            linkId: 'q',
            type: 'string',
            enableBehavior: 'any',
            enableWhen: [1, 2].map((answerInteger) => ({ question: 'n', operator: '=', answerInteger })),
          },
        ],
        [number(2), text],
      ),
  ],
};

for (const [name, [found, ...says]] of Object.entries(CASES)) {
  test(`${says.length === 0 ? 'nothing is said of' : 'tells of'} ${name}`, () => {
    const issues = found();
    assert.is(issues.length, says.length, issues.join('\n'));
    for (const [i, each] of says.entries()) assert.match(issues[i]!, each);
  });
}

test('more groups than can be held against their questions are refused', () => {
  const item = Array.from({ length: 400 }, (_, i) => ({ linkId: `q${i}`, type: 'string' }));
  const groups = Array.from({ length: 400 }, () => ({ linkId: 'g' }));
  assert.throws(() => told([{ linkId: 'g', type: 'group', repeats: true, item }], groups), /more than 100000 places/);
});

test.run();
