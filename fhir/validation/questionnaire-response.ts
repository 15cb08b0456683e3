/** Answers held against the questions of their Questionnaire. Source: http://hl7.org/fhir/R4/questionnaireresponse.html, http://hl7.org/fhir/R4/questionnaire.html */
import { FhirError } from '../http/outcome.ts';
import { isObject, type Json } from '../json/value.ts';
import { type Findings, shown } from './findings.ts';
import { equals, isBelow } from './profile/pattern.ts';
import { referencedType } from './reference.ts';

export interface ResponseTools {
  /** Undefined where it can't be told. */
  readonly memberOf: (coding: Json, valueSet: string) => boolean | undefined;
}

interface Condition extends Json {
  readonly question: string;
  readonly operator: string;
}

interface Question {
  readonly linkId: string;
  readonly type: string;
  readonly required?: boolean;
  readonly repeats?: boolean;
  readonly maxLength?: number;
  readonly answerOption?: readonly Json[];
  readonly answerValueSet?: string;
  readonly enableWhen?: readonly Condition[];
  readonly enableBehavior?: string;
  readonly extension?: readonly Json[];
  readonly item?: readonly Question[];
}

/** Type of the question → types of its answers; a choice has those of its options. */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  boolean: ['Boolean'],
  decimal: ['Decimal'],
  integer: ['Integer'],
  date: ['Date'],
  dateTime: ['DateTime'],
  time: ['Time'],
  string: ['String'],
  text: ['String'],
  url: ['Uri'],
  choice: ['Coding'],
  'open-choice': ['Coding', 'String'],
  attachment: ['Attachment'],
  reference: ['Reference'],
  quantity: ['Quantity'],
};
const HL7 = 'http://hl7.org/fhir/StructureDefinition/';
/** Each repeated group is held against all questions below it. */
const MAX_QUESTIONS = 100_000;
/** Of the answers to one question, that others depend on. */
const MAX_COMPARED = 100;
/** In these everything that is required must be there. */
const COMPLETE: ReadonlySet<unknown> = new Set(['completed', 'amended']);

const objects = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** The value[x] of an object, by the prefix of its member. */
const chosen = (of: Json, prefix = 'value'): readonly [type: string, value: unknown] | undefined => {
  const key = Object.keys(of).find((each) => each.startsWith(prefix) && /^[A-Z]/.test(each.slice(prefix.length)));
  return key === undefined ? undefined : [key.slice(prefix.length), of[key]];
};

const extensionValues = ({ extension = [] }: Question, name: string): readonly unknown[] =>
  extension.filter(({ url }) => url === HL7 + name).flatMap((each) => [chosen(each)?.[1]]);
const numberOf = (question: Question, name: string): number | undefined => {
  const [value] = extensionValues(question, name);
  return typeof value === 'number' ? value : undefined;
};

const isSame = (a: unknown, b: unknown): boolean => {
  if (!isObject(a) || !isObject(b) || a['code'] === undefined || b['code'] === undefined) return equals(a, b);
  const sameSystem = a['system'] === b['system'] || a['system'] === undefined || b['system'] === undefined;
  return a['code'] === b['code'] && sameSystem && (a['value'] === undefined || a['value'] === b['value']);
};

/** Source: http://hl7.org/fhir/R4/valueset-questionnaire-enable-operator.html */
const OPERATORS: Readonly<Record<string, (answer: unknown, asked: unknown) => boolean>> = {
  '=': isSame,
  '>': (answer, asked) => isBelow(asked, answer),
  '<': isBelow,
  '>=': (answer, asked) => isSame(answer, asked) || isBelow(asked, answer),
  '<=': (answer, asked) => isSame(answer, asked) || isBelow(answer, asked),
};

const isMet = (condition: Condition, answers: readonly unknown[]): boolean => {
  const asked = chosen(condition, 'answer')?.[1];
  if (condition.operator === 'exists') return answers.length > 0 === (asked === true);
  if (condition.operator === '!=') return !answers.some((answer) => isSame(answer, asked));
  return answers.some((answer) => OPERATORS[condition.operator]?.(answer, asked));
};

/** linkId → values that were answered, wherever in the response. */
const answersOf = (items: readonly Json[], found: Map<unknown, unknown[]>): Map<unknown, unknown[]> => {
  for (const { linkId, answer, item } of items) {
    const answers = objects(answer);
    const values = answers.flatMap((each) => chosen(each)?.slice(1) ?? []);
    if (values.length > 0) found.set(linkId, [...(found.get(linkId) ?? []), ...values]);
    for (const each of answers) answersOf(objects(each['item']), found);
    answersOf(objects(item), found);
  }
  return found;
};

const linkIdsOf = (questions: readonly Question[], found: Set<unknown>): Set<unknown> => {
  for (const { linkId, item } of questions) {
    found.add(linkId);
    if (item !== undefined) linkIdsOf(item, found);
  }
  return found;
};

/** Checks a response, the root of the path of `findings`; both resources have the right structure. */
export const checkResponse = (response: Json, questionnaire: Json, findings: Findings, { memberOf }: ResponseTools): void => {
  const questions = (questionnaire['item'] ?? []) as readonly Question[];
  const answered = answersOf(objects(response['item']), new Map());
  const known = linkIdsOf(questions, new Set());
  const isComplete = COMPLETE.has(response['status']);

  const isEnabled = ({ enableWhen = [], enableBehavior }: Question): boolean => {
    const met = (condition: Condition): boolean => isMet(condition, (answered.get(condition.question) ?? []).slice(0, MAX_COMPARED));
    return enableWhen.length === 0 || (enableBehavior === 'any' ? enableWhen.some(met) : enableWhen.every(met));
  };

  const within = (steps: readonly (string | number)[], work: () => void): void => {
    findings.path.push(...steps);
    work();
    findings.path.length -= steps.length;
  };

  const checkItems = (asked: readonly Question[], items: readonly Json[]): void => {
    const places = new Map(asked.map(({ linkId }, i) => [linkId, i]));
    const given = asked.map((): [Json, number][] => []);
    let last = 0;
    for (const [i, item] of items.entries()) {
      const { linkId } = item;
      const place = places.get(linkId as string);
      if (place === undefined) {
        const why = known.has(linkId) ? 'belongs to another place of' : 'is none of';
        within(['item', i], () => findings.add('not-found', `the item ${shown(linkId)} ${why} the questionnaire`, 'linkId'));
        continue;
      }
      if (place < last)
        within(['item', i], () => findings.add('structure', `${shown(linkId)} should come earlier, as in the questionnaire`));
      last = Math.max(last, place);
      given[place]!.push([item, i]);
    }
    for (const [place, question] of asked.entries()) checkQuestion(question, given[place]!);
  };

  let left = MAX_QUESTIONS;
  const checkQuestion = (question: Question, given: readonly [Json, number][]): void => {
    if (--left < 0) throw new FhirError('too-costly', `more than ${MAX_QUESTIONS} places for answers are too many to be checked`);
    const { linkId, type, required, repeats, item: inner = [] } = question;
    const isGroup = type === 'group';
    if (!isEnabled(question)) {
      for (const [item, i] of given)
        if (item['answer'] !== undefined || item['item'] !== undefined)
          within(['item', i], () => findings.add('structure', `${shown(linkId)} is not enabled by the other answers: leave it out`));
      return;
    }
    const count = isGroup
      ? given.filter(([item]) => item['item'] !== undefined).length
      : given.reduce((sum, [item]) => sum + objects(item['answer']).length, 0);
    checkCount(question, count, given);
    if (required === true && isComplete && type !== 'display' && count === 0) findings.add('required', `${shown(linkId)} must be answered`);
    if (repeats !== true && given.length > 1)
      within(['item', given[1]![1]], () => findings.add('structure', `${shown(linkId)} doesn't repeat: give one item with it`));
    for (const [item, i] of given) {
      within(['item', i], () => {
        const answers = objects(item['answer']);
        if ((isGroup || type === 'display') && answers.length > 0) findings.add('structure', `a ${type} has no answer`, 'answer');
        else if (isGroup) checkItems(inner, objects(item['item']));
        else if (item['item'] !== undefined) findings.add('structure', 'items below a question stand in its answer', 'item');
        if (isGroup || type === 'display') return;
        if (repeats !== true && answers.length > 1) findings.add('structure', `${shown(linkId)} has one answer at most`, 'answer');
        for (const [n, answer] of answers.entries()) within(['answer', n], () => checkAnswer(question, answer));
      });
    }
  };

  const checkCount = (question: Question, count: number, given: readonly [Json, number][]): void => {
    const [least, most] = [numberOf(question, 'questionnaire-minOccurs'), numberOf(question, 'questionnaire-maxOccurs')];
    const where = given[0] === undefined ? [] : ['item', given[0][1]];
    within(where, () => {
      if (least !== undefined && count < least && isComplete)
        findings.add('required', `${shown(question.linkId)} has ${count} answers: ${least} are the least`);
      if (most !== undefined && count > most)
        findings.add('structure', `${shown(question.linkId)} has ${count} answers: ${most} are the most`);
    });
  };

  const checkAnswer = (question: Question, answer: Json): void => {
    const { type, answerOption = [], item: inner = [] } = question;
    const [given, value] = chosen(answer) ?? [];
    if (given !== undefined) {
      const options = answerOption.flatMap((option) => {
        const each = chosen(option);
        return each === undefined ? [] : [each];
      });
      const open = type === 'open-choice' ? ['String'] : [];
      const allowed = options.length > 0 ? [...options.map(([each]) => each), ...open] : (ANSWERS[type] ?? []);
      if (allowed.length > 0 && !allowed.includes(given))
        findings.add('value', `the answer should be a ${[...new Set(allowed)].join(' or ')}, not a ${given}`);
      else if (options.length > 0 && !open.includes(given) && !options.some(([, option]) => isSame(value, option)))
        findings.add('code-invalid', `${shown(value)} is none of the options of ${shown(question.linkId)}`);
      else checkValue(question, value);
    }
    checkItems(inner, objects(answer['item']));
  };

  const checkValue = (question: Question, value: unknown): void => {
    const { answerValueSet, maxLength } = question;
    if (isObject(value) && answerValueSet !== undefined && typeof value['code'] === 'string') {
      const found = memberOf(value, answerValueSet);
      if (found === false) findings.add('code-invalid', `${shown(value['code'])} is not in ${answerValueSet.slice(0, 200)}`);
      if (found === undefined)
        findings.report(
          'information',
          'not-supported',
          `its code was not checked by ${answerValueSet.slice(0, 200)}, which isn't loaded as a whole`,
        );
    }
    if (typeof value === 'string') {
      const least = numberOf(question, 'minLength');
      if (maxLength !== undefined && value.length > maxLength)
        findings.add('value', `the answer should have ${maxLength} characters at most`);
      if (least !== undefined && value.length < least) findings.add('value', `the answer should have ${least} characters at least`);
    }
    const places = numberOf(question, 'maxDecimalPlaces');
    if (typeof value === 'number' && places !== undefined && Number(value.toFixed(Math.min(places, 100))) !== value)
      findings.add('value', `the answer should have ${places} decimal places at most`);
    for (const least of extensionValues(question, 'minValue'))
      if (isBelow(value, least)) findings.add('value', `the answer should be at least ${shown(least)}`);
    for (const most of extensionValues(question, 'maxValue'))
      if (isBelow(most, value)) findings.add('value', `the answer should be at most ${shown(most)}`);
    if (!isObject(value)) return;
    const units = extensionValues(question, 'questionnaire-unitOption');
    if (units.length > 0 && !units.some((unit) => isObject(unit) && unit['code'] === value['code'] && unit['system'] === value['system']))
      findings.add('code-invalid', `its unit ${shown(value['code'] ?? value['unit'])} is none of those of the question`);
    const targets = extensionValues(question, 'questionnaire-referenceResource');
    const target = typeof value['reference'] === 'string' ? referencedType(value['reference']) : undefined;
    if (target !== undefined && targets.length > 0 && !targets.includes(target))
      findings.add('value', `a reference to ${target} isn't allowed here: it is to ${targets.join(' or ')}`);
    const formats = extensionValues(question, 'mimeType');
    if (formats.length > 0 && value['contentType'] !== undefined && !formats.includes(value['contentType']))
      findings.add('value', `its contentType ${shown(value['contentType'])} is none of ${formats.join(', ')}`);
  };

  checkItems(questions, objects(response['item']));
};
