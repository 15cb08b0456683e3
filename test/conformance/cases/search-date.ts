import { type Area, finds, refuses, tagged } from '../case.ts';

const AREA = 'search: date';
const observation = (id: string, effective: object): object =>
  tagged(AREA, 'Observation', id, { status: 'final', code: { text: 'x' }, ...effective });
const at = (effectiveDateTime: string): object => ({ effectiveDateTime });
/** n → the observations with these numbers. */
const q = (value: string, ...numbers: readonly number[]): ReturnType<typeof finds> =>
  finds(
    AREA,
    `Observation?date=${value.replaceAll('+', '%2B')}`,
    numbers.map((n) => `sd${n}`),
  );

export const searchDate: Area = {
  area: AREA,
  spec: 'http://hl7.org/fhir/R4/search.html#date',
  given: [
    observation('sd0', at('1979-12-31')),
    observation('sd1', at('1980')),
    observation('sd2', at('1980-05')),
    observation('sd3', at('1980-05-11')),
    observation('sd4', at('1980-05-11T16:32:15Z')),
    observation('sd5', at('1980-05-11T16:32:15.500Z')),
    observation('sd6', at('1981-01-01')),
    observation('sd7', { effectivePeriod: { start: '1980-05-16', end: '1980-05-17' } }),
    observation('sd8', { effectivePeriod: { start: '1990-01-01' } }),
    observation('sd9', { effectivePeriod: { end: '1970-06-30' } }),
    tagged(AREA, 'Patient', 'sd-p1', { birthDate: '1980-05-11' }),
    tagged(AREA, 'Patient', 'sd-p2', { birthDate: '1980' }),
    tagged(AREA, 'Patient', 'sd-p3', {}),
    observation('sd10', at('2020-02-29T23:30:00-05:00')),
  ],
  cases: [
    q('1980', 1, 2, 3, 4, 5, 7),
    q('1980-01'),
    q('1980-05', 2, 3, 4, 5, 7),
    q('1980-05-10'),
    q('1980-05-11', 3, 4, 5),
    q('1980-05-11T16:32:15Z', 4, 5),
    q('1980-05-11T16:32:15.500Z', 5),
    q('1980-05-11T16:32:30Z'),
    q('1980-05-11T18:32:15+02:00', 4, 5),
    q('eq1980-05', 2, 3, 4, 5, 7),
    q('ne1980', 0, 6, 8, 9, 10),
    q('ne1980-05-11', 0, 1, 2, 6, 7, 8, 9, 10),
    q('lt1980', 0, 9),
    q('lt1980-05-11', 0, 1, 2, 9),
    q('lt1980-05-11T16:32:15Z', 0, 1, 2, 3, 9),
    q('lt1981', 0, 1, 2, 3, 4, 5, 7, 9),
    q('gt1980', 6, 8, 10),
    q('gt1980-05', 1, 6, 8, 10),
    q('gt1980-05-11', 1, 2, 6, 7, 8, 10),
    q('le1980-05-10', 0, 1, 2, 9),
    q('le1980', 0, 1, 2, 3, 4, 5, 7, 9),
    q('ge1981', 6, 8, 10),
    q('ge1980-06', 1, 6, 8, 10),
    q('sa1980', 6, 8, 10),
    q('sa1980-05-11', 6, 7, 8, 10),
    q('eb1980', 0, 9),
    q('eb1980-05-11', 0, 9),
    q('eb1980-05-16', 0, 3, 4, 5, 9),
    q('ge1980-05-16&date=le1980-05-17', 1, 2, 7),
    q('gt2050', 8),
    q('lt1950', 9),
    q('2020-03-01T04:30:00Z', 10),
    q('2020-02-29T23:30-05:00', 10),
    finds(AREA, 'Patient?birthdate=1980-05-11', ['sd-p1']),
    finds(AREA, 'Patient?birthdate=1980', ['sd-p1', 'sd-p2']),
    finds(AREA, 'Patient?birthdate=1980-05', ['sd-p1']),
    finds(AREA, 'Patient?birthdate=lt1980-05-11', ['sd-p2']),
    finds(AREA, 'Patient?birthdate=1970,1980-05-11', ['sd-p1']),
    finds(AREA, 'Patient?birthdate:missing=true', ['sd-p3']),
    finds(AREA, 'Patient?_lastUpdated=gt2020-01-01&_id=sd-p1', ['sd-p1']),
    finds(AREA, 'Patient?_lastUpdated=lt2020-01-01', []),
    refuses('a day that there isn’t', 'GET /Patient?birthdate=1980-13-01', 400),
    refuses('a prefix that is none', 'GET /Patient?birthdate=xx1980', 400),
  ],
};
