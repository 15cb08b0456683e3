/** What a search may write to ask for a value, or for one nearby. */
import { PLACES, SETS } from './codes.ts';
import { PREFIXES } from './interval.ts';
import { BOOLEANS } from './match.ts';
import type { Parameter, Value } from './parameters.ts';
import type { Dice } from './random.ts';
import { TYPES } from './resources.ts';
import { escaped } from './text.ts';
import { BASE, DATES, NUMBERS, TEXTS, UCUM, UNITS, URIS } from './values.ts';

export type Written = { readonly modifier?: string; readonly text: string };

const PREFIXED = ['', '', ...PREFIXES];
const TIMES = ['2020-03-01T04:30Z', '2020-03-01T04:30', '2020-02-29T23:30-05:00', '2020-03-01T04:30:15', '2020-12-31T23:59:59Z'];

const dateText = ({ value }: Value, { pick, chance }: Dice): string => {
  const own = typeof value === 'string' ? value : ((value as { start?: string; end?: string }).start ?? (value as { end?: string }).end);
  if (own === undefined || chance(40)) return pick([...DATES, ...TIMES]);
  return chance(50) ? own : own.slice(0, pick([4, 7, 10]));
};

const numberText = (own: number | undefined, { pick, chance }: Dice): string => {
  const number = own === undefined || chance(40) ? pick(NUMBERS) : own;
  const forms = [
    String(number),
    String(number),
    number.toExponential(),
    number.toFixed(1),
    number.toFixed(2),
    String(Math.round(number)),
    number.toExponential(2),
  ];
  return pick(forms).replace('e+', 'e');
};

const quantityText = ({ type, value }: Value, dice: Dice): string => {
  const { low, high, ...plain } = value as Record<string, unknown> & { low?: object; high?: object };
  const own = (low ?? high ?? plain) as { value?: number; unit?: string; system?: string; code?: string; currency?: string };
  const number = numberText(own.value, dice);
  if (type === 'Money') return `${number}${dice.pick(['', '|urn:iso:std:iso:4217|EUR', '||USD'])}`;
  const unit = dice.chance(50) ? dice.pick(UNITS) : (dice.pick([own.code, own.unit]) ?? 'mg');
  return `${number}${dice.pick(['', `||${unit}`, `|${UCUM}|${unit}`, `|${own.system ?? UCUM}|${unit}`])}`;
};

/** For what takes 80 characters at most. */
const short = (text: string): string => [...text].slice(0, 30).join('').trim();

const stringText = ({ value }: Value, { pick, chance, below }: Dice): Written => {
  const texts =
    typeof value === 'string'
      ? [value]
      : Object.values(value as object)
          .flatMap((each) => each as string | string[])
          .filter((each) => typeof each === 'string');
  const whole = texts.length === 0 || chance(20) ? pick(TEXTS) : pick(texts);
  const cut = pick([
    whole,
    whole,
    [...whole].slice(0, 1 + below(whole.length)).join(''),
    whole.toUpperCase(),
    whole.toLowerCase(),
    `${whole}x`,
    whole.normalize('NFD'),
  ]);
  const isPart = chance(30);
  const part = isPart ? [...whole].slice(below([...whole].length)).join('') : cut;
  const text = part.trim() === '' || /^\p{M}/u.test(part) ? whole : part;
  return {
    text: escaped(isPart ? short(text) : text),
    ...(isPart ? { modifier: 'contains' } : chance(20) ? { modifier: 'exact' } : {}),
  };
};

const tokenText = ({ type, value }: Value, { pick, chance }: Dice): Written => {
  const concept = value as {
    coding?: readonly object[];
    text?: string;
    display?: string;
    type?: { text?: string; coding?: readonly object[] };
  };
  const labels =
    type === 'Identifier' ? [concept.type?.text] : type === 'CodeableConcept' ? [concept.text] : type === 'Coding' ? [concept.display] : [];
  const modifier = chance(20) ? 'not' : undefined;
  if ((type === 'Coding' || type === 'CodeableConcept') && chance(15))
    return pick<() => Written>([
      () => ({ modifier: pick(['in', 'not-in']), text: pick(SETS) }),
      () => ({ modifier: pick(['above', 'below']), text: pick(PLACES) }),
    ])();
  if (labels.length > 0 && chance(20))
    return {
      modifier: 'text',
      text: escaped(short(pick([labels[0] ?? pick(TEXTS), pick(TEXTS), [...pick(TEXTS)].slice(0, 3).join('').trim()]))),
    };
  const own = value as { system?: string; code?: string; value?: string };
  if (type === 'Identifier' && chance(20)) {
    const of = (concept.type?.coding?.[0] ?? { system: 'urn:s1', code: 'a' }) as { system?: string; code?: string };
    return { modifier: 'of-type', text: [of.system ?? '', of.code ?? 'a', own.value ?? 'b'].map(escaped).join('|') };
  }
  const coding = type === 'CodeableConcept' ? (pick(concept.coding?.length ? concept.coding : [{ code: 'a' }]) as typeof own) : own;
  const code = typeof value !== 'object' ? String(value) : (coding.code ?? coding.value ?? 'b');
  const isBare = typeof value !== 'object' || type === 'ContactPoint';
  const system = pick([coding.system, coding.system, 'urn:s1', 'urn:s2']);
  const forms = isBare
    ? [escaped(code), escaped(code), `|${escaped(code)}`, ...(type === 'boolean' ? [`${BOOLEANS}|${code}`] : [])]
    : [
        escaped(code),
        `|${escaped(code)}`,
        ...(system === undefined ? [] : [`${system}|${escaped(code)}`, `${system}|${escaped(code)}`, `${system}|`]),
      ];
  return { text: pick(forms), ...(modifier !== undefined && { modifier }) };
};

const referenceText = ({ type, value }: Value, { pick, chance, below }: Dice, { targets }: Parameter): Written => {
  if (type !== 'Reference') {
    const own = value as string;
    const [url = ''] = own.split('|');
    return pick<Written>(
      [{ text: own }, { text: url }, { text: `${pick(URIS)}|1` }, { modifier: 'below', text: `${url}|1` }].map(({ text, ...more }) => ({
        text: text.replaceAll('|', '|'),
        ...more,
      })),
    );
  }
  const { reference, identifier } = value as { reference?: string; identifier?: { system?: string; value?: string } };
  if (identifier !== undefined && chance(60))
    return {
      modifier: 'identifier',
      text: pick([`${identifier.system ?? ''}|${escaped(identifier.value ?? 'b')}`, escaped(identifier.value ?? 'b')]),
    };
  const nested = targets.filter((each) => ['Location', 'Organization', 'Encounter'].includes(each));
  if (nested.length > 0 && chance(20)) return { modifier: pick(['above', 'below']), text: `${pick(nested)}/x${below(25)}` };
  const known = targets.filter((each) => TYPES.includes(each));
  const target = known.length === 0 ? 'Patient' : pick(known);
  const id = `x${below(25)}`;
  return pick<() => Written>([
    () => ({ text: reference ?? `${target}/${id}` }),
    () => ({ text: `${target}/${id}` }),
    () => ({ text: `${BASE}/${target}/${id}` }),
    () => ({ text: id }),
    () => (targets.includes(target) ? { modifier: target, text: id } : { text: id }),
  ])();
};

const uriText = ({ value }: Value, { pick, chance }: Dice): Written => {
  const text = chance(50) ? (value as string) : pick([...URIS, 'http://example.org', 'http://example.org/a/b/c/d/e']);
  const modifier = pick([undefined, undefined, 'above', 'below', 'contains']);
  return { text: escaped(text), ...(modifier !== undefined && { modifier }) };
};

export const written = (value: Value, parameter: Parameter, dice: Dice): Written => {
  switch (parameter.type) {
    case 'date':
      return { text: `${dice.pick(PREFIXED)}${dateText(value, dice)}` };
    case 'number':
      return { text: `${dice.pick(PREFIXED)}${numberText(typeof value.value === 'number' ? value.value : undefined, dice)}` };
    case 'quantity':
      return { text: `${dice.pick(PREFIXED)}${quantityText(value, dice)}` };
    case 'string':
      return stringText(value, dice);
    case 'token':
      return tokenText(value, dice);
    case 'reference':
      return referenceText(value, dice, parameter);
    default:
      return uriText(value, dice);
  }
};
