/** Texts that are longer than what the index keeps in one row compare as they are. Source: http://hl7.org/fhir/R4/search_filter.html#ops */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FhirProcess, startFhirAlone } from '../../support/fhir-process.ts';

/** Words of which no 80 characters come twice. */
const words = (length: number): string =>
  Array.from({ length: Math.ceil(length / 4) }, (_, i) => String(i).padStart(4, '0'))
    .join('')
    .slice(0, length);
const T80 = words(80);
const T100 = words(100);
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  t79: [words(79)],
  t80: [T80],
  t80z: [`${words(79)}z`],
  t81: [words(81)],
  t100: [T100],
  // The same beginning, once and once longer.
  both: [T80, T100],
  t700: [words(700)],
};
const ALL = Object.keys(TEXTS).sort();

let fhir: FhirProcess;
test.before(async () => {
  fhir = await startFhirAlone();
  for (const [id, given] of Object.entries(TEXTS)) {
    const body = { resourceType: 'Patient', id, name: [{ given }] };
    assert.is((await fhir.request(`/Patient/${id}`, { method: 'PUT', body })).status, 201);
  }
});
test.after(() => fhir.stop());

const compare: Readonly<Record<string, (text: string, asked: string) => boolean>> = {
  eq: (text, asked) => text === asked,
  ne: (text, asked) => text !== asked,
  gt: (text, asked) => text > asked,
  lt: (text, asked) => text < asked,
  ge: (text, asked) => text >= asked,
  le: (text, asked) => text <= asked,
  sw: (text, asked) => text.startsWith(asked),
  ew: (text, asked) => text.endsWith(asked),
  co: (text, asked) => text.includes(asked),
};

const found = async (query: string): Promise<string[]> => {
  const { status, json, text } = await fhir.request(`/Patient?${query}`);
  assert.is(status, 200, text);
  return (json.entry ?? []).map(({ resource }: { resource: { id: string } }) => resource.id).sort();
};
const matching = (operator: string, asked: string): string[] =>
  ALL.filter((id) => TEXTS[id]!.some((text) => compare[operator]!(text, asked)));

// The end of the beginning, the end of a piece, and what begins a later piece, among them.
const ASKED: Readonly<Record<string, string>> = {
  'of 79': words(79),
  'of 80': T80,
  'of 80 that none has': `${words(79)}y`,
  'of 81': words(81),
  'of 81 that none has': `${T80}x`,
  'of 100': T100,
  'that is the end of 80': T80.slice(60),
  'that is the end of 100': T100.slice(50),
  'that is the 580th to the 600th': words(600).slice(580),
  'that is the last 20 of 700': words(700).slice(680),
  'that begins at the 520th': words(700).slice(520),
};
for (const [name, asked] of Object.entries(ASKED))
  for (const operator of Object.keys(compare)) {
    if (asked.length > 80 && (operator === 'ew' || operator === 'co')) continue;
    test(`${operator} a text ${name}`, async () => {
      assert.equal(await found(`_filter=given ${operator} "${asked}"`), matching(operator, asked));
    });
  }

for (const [name, asked] of Object.entries(ASKED))
  test(`a search begins with a text ${name}`, async () => {
    assert.equal(await found(`given=${asked}`), matching('sw', asked));
  });

test.run();
