import { type Area, finds, refuses, tagged } from '../case.ts';

const NUMBERS = 'search: number';
const risk = (id: string, probabilityDecimal: number): object =>
  tagged(NUMBERS, 'RiskAssessment', id, {
    status: 'final',
    subject: { reference: 'Patient/123' },
    prediction: [{ probabilityDecimal }],
  });
const n = (value: string, ...ids: readonly string[]): ReturnType<typeof finds> =>
  finds(NUMBERS, `RiskAssessment?probability=${value}`, ids);

export const searchNumber: Area = {
  area: NUMBERS,
  spec: 'http://hl7.org/fhir/R4/search.html#number',
  given: [
    risk('n1', 1),
    risk('n4', 4),
    risk('n5', 5),
    risk('n6', 6),
    risk('n94', 94.9),
    risk('n100', 100),
    risk('n02', 0.2),
    risk('n07', 0.65),
    risk('n-sum', 0.30000000000000004),
  ],
  cases: [
    n('3'),
    n('5', 'n5'),
    n('eq5', 'n5'),
    n('0.2', 'n02'),
    // 0.65 is the beginning of what 0.7 leaves open.
    n('0.7', 'n07'),
    // As many digits as a double has, and more.
    n('0.30000000000000004', 'n-sum'),
    n('0.300000000000000044409', 'n-sum'),
    n('-0.2'),
    n('gt55555555555555555555555555555555555555555555555'),
    n('ne5', 'n1', 'n4', 'n6', 'n94', 'n100', 'n02', 'n07', 'n-sum'),
    n('lt4', 'n1', 'n02', 'n07', 'n-sum'),
    n('lt4.1', 'n1', 'n4', 'n02', 'n07', 'n-sum'),
    n('gt6', 'n94', 'n100'),
    n('gt5.9', 'n6', 'n94', 'n100'),
    n('le5', 'n1', 'n4', 'n5', 'n02', 'n07', 'n-sum'),
    n('ge5', 'n5', 'n6', 'n94', 'n100'),
    n('sa5', 'n6', 'n94', 'n100'),
    n('eb5', 'n1', 'n4', 'n02', 'n07', 'n-sum'),
    n('1e2', 'n100'),
    n('9.49e1', 'n94'),
    n('1.0e2', 'n100'),
    n('5,100', 'n5', 'n100'),
    n('ap5', 'n5'),
    n('ge4&probability=le5', 'n4', 'n5'),
    finds(NUMBERS, 'RiskAssessment?probability:missing=true', []),
    refuses('a number that is none', 'GET /RiskAssessment?probability=five', 400),
    refuses('a prefix without a number', 'GET /RiskAssessment?probability=gt', 400),
  ],
};

const QUANTITIES = 'search: quantity';
const observation = (id: string, value: number, unit: string, system: string): object =>
  tagged(QUANTITIES, 'Observation', id, {
    status: 'registered',
    code: { text: 'x' },
    valueQuantity: { value, unit, code: unit, system: `urn:${system}` },
  });
const ucum = (id: string, value: number, code: string): object =>
  tagged(QUANTITIES, 'Observation', id, {
    status: 'final',
    code: { text: 'mass' },
    valueQuantity: { value, unit: code, code, system: 'http://unitsofmeasure.org' },
  });
const UCUM = 'http://unitsofmeasure.org';
const q = (value: string, ...ids: readonly string[]): ReturnType<typeof finds> =>
  finds(QUANTITIES, `Observation?value-quantity=${value}`, ids);

export const searchQuantity: Area = {
  area: QUANTITIES,
  spec: 'http://hl7.org/fhir/R4/search.html#quantity',
  given: [
    observation('q0', 0.002, 'unit1', 's1'),
    observation('q1', 1, 'unit1', 's1'),
    observation('q2', 3.12, 'unit1', 's2'),
    observation('q3', 4, 'unit1', 's1'),
    observation('q4', 5, 'unit1', 's1'),
    observation('q5', 5, 'unit2', 's2'),
    observation('q6', 6, 'unit2', 's2'),
    observation('q7', 8.95, 'unit2', 's1'),
    observation('q8', 10, 'unit1', 's1'),
    ucum('qg', 2500, 'g'),
    ucum('qk', 2.5, 'kg'),
    ucum('qmm', 120, 'mm[Hg]'),
    ucum('q-sum', 30.000000000000004, 'Cel'),
  ],
  cases: [
    q('31'),
    q('5', 'q4', 'q5'),
    q('eq5', 'q4', 'q5'),
    q('2e-3', 'q0'),
    q('lt4.9', 'q0', 'q1', 'q2', 'q3', 'qk'),
    q('gt10', 'qg', 'qmm', 'q-sum'),
    q('le1', 'q0', 'q1'),
    q('ge8.95', 'q7', 'q8', 'qg', 'qmm', 'q-sum'),
    q('5|urn:s1|unit1', 'q4'),
    q('5||unit2', 'q5'),
    q('gt5|urn:s2|unit2', 'q6'),
    q('lt5|urn:s1|unit1', 'q0', 'q1', 'q3'),
    q('ne5||unit2', 'q6', 'q7'),
    q('sa5|urn:s1|unit1', 'q8'),
    q('eb5|urn:s1|unit1', 'q0', 'q1', 'q3'),
    q('5|urn:s9|unit1'),
    q(`2500|${UCUM}|g`, 'qg', 'qk'),
    q(`2.5|${UCUM}|kg`, 'qg', 'qk'),
    q(`gt1|${UCUM}|kg`, 'qg', 'qk'),
    q(`120|${UCUM}|mm[Hg]`, 'qmm'),
    // A unit without a system is what is written, or one of UCUM's that is worth the same.
    q('2.5||kg', 'qg', 'qk'),
    q('ap120', 'qmm'),
    q(`30.000000000000004|${UCUM}|Cel`, 'q-sum'),
    refuses('a quantity that is none', 'GET /Observation?value-quantity=much', 400),
  ],
};
