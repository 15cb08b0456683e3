import { hasPatientCode } from '../extract.ts';
import type { TypeIndex } from '../index-plan.ts';
import { unescapeValue } from '../parameter/escape.ts';
import type { Criterion, ParameterTest } from '../request.ts';
import type { Builder } from './builder.ts';

type ParameterCriterion = Criterion & { readonly test: ParameterTest };

export interface PatientCode {
  readonly patient: ParameterCriterion;
  readonly code: ParameterCriterion;
}

const isParameter = (criterion: Criterion): criterion is ParameterCriterion => criterion.test.kind === 'parameter';

/** The two criteria that sp_patient_code answers together. */
export const patientCodeOf = (criteria: readonly Criterion[], { parameters }: TypeIndex): PatientCode | undefined => {
  if (!hasPatientCode(parameters)) return undefined;
  const plain = criteria.filter(isParameter).filter(({ test }) => test.modifier === undefined || test.modifier === 'Patient');
  const names = (wanted: string): ParameterCriterion[] => plain.filter(({ test }) => test.indexed.parameter.code === wanted);
  const [code] = names('code');
  const patient = [...names('patient'), ...names('subject')].find(({ test }) =>
    test.values.every(
      (text) =>
        /^(Patient\/)?[A-Za-z0-9\-.]{1,64}$/.test(text) &&
        (text.startsWith('Patient/') || test.indexed.parameter.code === 'patient' || test.modifier === 'Patient'),
    ),
  );
  return code === undefined || patient === undefined || code.test.modifier !== undefined ? undefined : { patient, code };
};

export const patientCodeRows = (b: Builder, type: string, { patient, code }: PatientCode): string => {
  const patients = patient.test.values.map((each) => {
    const text = unescapeValue(each);
    return `hashtextextended(${b.value(text.startsWith('Patient/') ? text : `Patient/${text}`)}, 0)`;
  });
  const { indexed, values } = code.test;
  const context = b.contextOf(code.name, indexed, undefined);
  const codes = values.flatMap((text) => indexed.parameterType.condition(text, context)).map(({ sql }) => `(${sql})`);
  return `select t.rid from fhir.sp_patient_code t where t.patient in (${patients.join(', ')}) and (${codes.join(' or ')})${b.within(type, 't')}`;
};
