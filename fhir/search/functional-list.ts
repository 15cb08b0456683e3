/**
 * Lists by what they are for: `_list=$current-allergies`. Source: http://hl7.org/fhir/R4/lifecycle.html#lists, which names them, and the LOINC
 * codes that may stand for them. What it leaves open is said in README.md.
 */
import { badValue } from './parsing.ts';
import { unescapeValue } from './parameter/escape.ts';
import { canonicalReference } from './parameter/reference.ts';
import type { Branch, Criterion } from './request.ts';

const LOINC = 'http://loinc.org';
const USE = 'http://terminology.hl7.org/CodeSystem/list-example-codes';

/** Name → what List.code may be, as tokens; the name itself may be too, with or without its dollar. */
const CODES: Readonly<Record<string, readonly string[]>> = {
  '$current-problems': [`${LOINC}|46105-3`, `${LOINC}|11450-4`, `${USE}|problems`],
  '$current-medications': [`${LOINC}|57828-6`, `${LOINC}|10160-0`, `${USE}|medications`],
  '$current-allergies': [`${LOINC}|18716-1`, `${LOINC}|52472-8`, `${LOINC}|48765-2`, `${USE}|allergies`],
  // R4 asks itself whether the codes of all allergies are meant: then nobody could tell a part from the whole.
  '$current-drug-allergies': [`${LOINC}|11382-9`],
};

export const isFunctional = (value: string): boolean => value.startsWith('$');

/** Throws 400 where R4 names no such list. */
export const requireFunction = (value: string): void => {
  if (!Object.hasOwn(CODES, value))
    throw badValue('_list', `_list=${value.slice(0, 40)}: there is no such functional list: there are ${Object.keys(CODES).join(', ')}`);
};

/** Throws 400 where a functional list is named in a place that says nothing of a patient. */
export const requireNoFunction = (criterion: Criterion): void => {
  if (isUnbound(criterion))
    throw badValue(
      criterion.name,
      `${criterion.name.slice(0, 80)}: functional lists are for searches of what they name, as in AllergyIntolerance?patient=…&_list=$current-allergies`,
    );
};

/** Whether a criterion has to be bound to a patient before it says anything. */
export const isUnbound = ({ test }: Criterion): boolean => test.kind === 'list' && test.values.some(isFunctional);

/** The search for the Lists that one function of one patient may be of; which mode they have is to be looked at. */
export const criteriaOf = (name: string, patient: string): string => {
  const codes = [...CODES[name]!, name, name.slice(1)].join(',');
  return `subject=${encodeURIComponent(patient)}&status=current&code=${encodeURIComponent(codes)}`;
};

/** The same criteria, where those that name a functional list know whose; throws 400 where that isn't said. */
export const withPatient = ({ type, criteria }: Branch, baseUrl: string): Branch => {
  if (!criteria.some(isUnbound)) return { type, criteria };
  const [patient, other] = new Set(criteria.flatMap((each) => patientsIn(each, baseUrl)));
  const bound = criteria.map((criterion) => {
    const { name, test } = criterion;
    if (test.kind !== 'list' || !isUnbound(criterion)) return criterion;
    if (patient === undefined || other !== undefined || !PATIENT.test(patient))
      throw badValue(
        name,
        `_list=${test.values.join(',').slice(0, 80)} is of one patient: name that in the same search, as in patient=Patient/1`,
      );
    return { name, test: { ...test, patient } };
  });
  return { type, criteria: bound };
};

const PATIENT = /^Patient\/[A-Za-z0-9\-.]{1,64}$/;

/** The patients that a criterion asks for by their ids. */
const patientsIn = ({ test }: Criterion, baseUrl: string): string[] => {
  if (test.kind === 'compartment') return PATIENT.test(test.reference) ? [test.reference] : [];
  if (test.kind !== 'parameter' || (test.modifier !== undefined && test.modifier !== 'Patient')) return [];
  const { code, targets } = test.indexed.parameter;
  if (code !== 'patient' && code !== 'subject') return [];
  const isAlwaysPatient = code === 'patient' || test.modifier === 'Patient' || (targets.length === 1 && targets[0] === 'Patient');
  return test.values.map((each) => {
    const reference = canonicalReference(unescapeValue(each), baseUrl);
    return isAlwaysPatient && !reference.includes('/') ? `Patient/${reference}` : reference;
  });
};
