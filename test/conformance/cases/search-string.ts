import { type Area, finds, tagged } from '../case.ts';

const AREA = 'search: string';
const LONG = 'Lorem ipsum dolor sit amet consectetur adipiscing elit. '.repeat(12) + 'Vestibulum';
const patient = (id: string, city: string, family: string, given?: string): object =>
  tagged(AREA, 'Patient', id, { address: [{ city }], name: [{ family, ...(given && { given: [given] }) }] });
const q = (query: string, ids: readonly string[]): ReturnType<typeof finds> => finds(AREA, query, ids);

export const searchString: Area = {
  area: AREA,
  spec: 'http://hl7.org/fhir/R4/search.html#string',
  given: [
    patient('ss0', 'Seattle', 'Smith', 'Bea'),
    patient('ss1', 'Portland', 'Williams'),
    patient('ss2', 'Vancouver', 'Anderson'),
    patient('ss3', LONG, 'Murphy'),
    patient('ss4', 'Montreal', 'Richard', 'Bea'),
    patient('ss5', 'New York', 'Muller'),
    patient('ss6', 'Portland', 'Müller'),
    patient('ss7', 'Moscow', 'Richard,Muller'),
    patient('ss9', 'Perth', 'Smi%th'),
    patient('ss10', 'Perth', 'Smi_th'),
    tagged(AREA, 'Patient', 'ss8', { name: [{ text: 'Dr. Van Helsing', prefix: ['Dr.'], suffix: ['MD'] }] }),
  ],
  cases: [
    q('Patient?address-city=seattle', ['ss0']),
    q('Patient?address-city=SEATTLE', ['ss0']),
    q('Patient?address-city=Sea', ['ss0']),
    q('Patient?address-city=123', []),
    q('Patient?address-city:exact=Seattle', ['ss0']),
    q('Patient?address-city:exact=seattle', []),
    q('Patient?address-city:exact=Sea', []),
    q('Patient?address-city:contains=att', ['ss0']),
    q('Patient?address-city:contains=EAT', ['ss0']),
    q('Patient?address-city:contains=123', []),
    q('Patient?address-city=Lorem', ['ss3']),
    q('Patient?address-city:contains=vestibulum', ['ss3']),
    {
      ...q(`Patient?address-city:exact=${encodeURIComponent(LONG)}`, ['ss3']),
      name: 'Patient?address-city:exact=(a text of 700 characters)',
    },
    q('Patient?family=Smith,Williams', ['ss0', 'ss1']),
    q('Patient?family=Smi%25', ['ss9']),
    q('Patient?family:contains=i_t', ['ss10']),
    q('Patient?name=Bea&name=Richard', ['ss4']),
    q('Patient?name=Bea', ['ss0', 'ss4']),
    q('Patient?family=muller', ['ss5', 'ss6']),
    q('Patient?family=müller', ['ss5', 'ss6']),
    q('Patient?family:exact=Müller', ['ss6']),
    q('Patient?family=Richard%5C,Muller', ['ss7']),
    q('Patient?family=Richard', ['ss4', 'ss7']),
    q('Patient?address=portland', ['ss1', 'ss6']),
    q('Patient?name=Dr. Van', ['ss8']),
    q('Patient?name=MD', ['ss8']),
    q('Patient?family:missing=true', ['ss8']),
    q('Patient?given:missing=false', ['ss0', 'ss4']),
  ],
};
