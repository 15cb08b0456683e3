/** Made-up people and what was observed of them: the same for the same seed, whoever is asked and in whatever order. */
import { createRandom, type Random } from './random.ts';

export const MRN_SYSTEM = 'urn:portcullis:bench:mrn';
export const OBSERVATIONS = 10;
export const ENCOUNTERS = 2;
/** What a patient has, in resources. */
export const PER_PATIENT = 1 + ENCOUNTERS + OBSERVATIONS;

const words = (text: string): string[] => text.split(' ');
const FAMILIES = words(
  'Abel Adeyemi Aguilar Becker Bianchi Castro Chen Costa Dubois Eriksen Fischer Garcia Haddad Hansen Ibrahim Ivanova Jansen Kaya Keller Kowalski Lambert Larsen Lopez Mancini Meyer Moreau Nakamura Nguyen Novak Okafor Olsen Patel Pereira Petrov Quinn Ramirez Richter Rossi Santos Sato Schmidt Silva Singh Tanaka Toth Vargas Virtanen Weber Yilmaz Zhang',
);
/** Of those that a measurement creates, so that they never match a search for somebody of the population. */
const NEW_FAMILIES = words('Newbery Newcomb Newell Newman Newsome Newton');
const GIVENS = words(
  'Ada Ali Amara Ana Ben Carla Chi David Elena Emil Fatima Felix Grace Hana Ines Ivan Jana Jonas Kofi Lena Liam Luis Maja Mei Noor Omar Otto Rosa Sofia Yuki',
);

/** LOINC code, what it is, its unit; observation i of a patient has code i % 5 and lies in the year 2020 + i % 5. */
const CODES = [
  ['8867-4', 'Heart rate', '/min'],
  ['8310-5', 'Body temperature', 'Cel'],
  ['8480-6', 'Systolic blood pressure', 'mm[Hg]'],
  ['29463-7', 'Body weight', 'kg'],
  ['9279-1', 'Respiratory rate', '/min'],
] as const;
const FIRST_YEAR = 2020;

export interface Person {
  readonly mrn: string;
  readonly family: string;
  readonly birthDate: string;
}

const two = (value: number): string => String(value).padStart(2, '0');
const dayOf = (random: Random, year: number): string => `${year}-${two(1 + random.below(12))}-${two(1 + random.below(28))}`;
const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)]!;
const personOf = (random: Random, families: readonly string[], mrn: string): Person => ({
  mrn,
  family: pick(random, families) + random.below(100),
  birthDate: dayOf(random, 1930 + random.below(90)),
});

/** What a search for patient `index` has to ask. */
export const personAt = (seed: number, index: number): Person => personOf(createRandom(seed, index), FAMILIES, `${seed}-${index}`);

/** A person who isn't part of the population; `mrn` must be new. */
export const newPerson = (random: Random, mrn: string): Person => personOf(random, NEW_FAMILIES, mrn);

export interface CareTeam {
  /** `Organization/<id>`, `Practitioner/<id>` */
  readonly organization: string;
  readonly practitioner: string;
}

export const patientOf = (random: Random, { mrn, family, birthDate }: Person, care?: CareTeam): object => {
  const male = random.below(2) === 0;
  return {
    resourceType: 'Patient',
    extension: [{ url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex', valueCode: male ? 'M' : 'F' }],
    identifier: [
      {
        use: 'official',
        type: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR', display: 'Medical Record Number' }],
        },
        system: MRN_SYSTEM,
        value: mrn,
      },
      { system: 'http://hl7.org/fhir/sid/us-ssn', value: `999-${10 + random.below(90)}-${1000 + random.below(9000)}` },
    ],
    active: true,
    name: [{ use: 'official', family, given: [pick(random, GIVENS), pick(random, GIVENS)] }],
    telecom: [
      { system: 'phone', value: `555-${100 + random.below(900)}-${1000 + random.below(9000)}`, use: 'home' },
      { system: 'email', value: `${mrn}@example.org` },
    ],
    gender: male ? 'male' : 'female',
    birthDate,
    address: [
      {
        use: 'home',
        line: [`${1 + random.below(998)} Main Street`],
        city: 'Boston',
        state: 'MA',
        postalCode: `02${100 + random.below(900)}`,
        country: 'US',
      },
    ],
    maritalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', code: 'M', display: 'Married' }] },
    multipleBirthBoolean: false,
    communication: [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code: 'en-US' }] } }],
    ...(care && {
      generalPractitioner: [{ reference: care.practitioner }],
      managingOrganization: { reference: care.organization },
    }),
  };
};

export const observationOf = (random: Random, patient: string, i: number): object => {
  const [code, display, unit] = CODES[i % CODES.length]!;
  const time = `${two(random.below(24))}:${two(random.below(60))}:00Z`;
  return {
    resourceType: 'Observation',
    status: 'final',
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] }],
    code: { coding: [{ system: 'http://loinc.org', code, display }], text: display },
    subject: { reference: patient },
    effectiveDateTime: `${dayOf(random, FIRST_YEAR + (i % CODES.length))}T${time}`,
    issued: '2025-01-01T00:00:00.000Z',
    valueQuantity: { value: (400 + random.below(1000)) / 10, unit, system: 'http://unitsofmeasure.org', code: unit },
  };
};

const encounterOf = (random: Random, patient: string, { organization, practitioner }: CareTeam): object => {
  const day = dayOf(random, FIRST_YEAR + random.below(5));
  return {
    resourceType: 'Encounter',
    status: 'finished',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    type: [{ coding: [{ system: 'http://snomed.info/sct', code: '185349003', display: 'Encounter for check up' }] }],
    subject: { reference: patient },
    participant: [{ individual: { reference: practitioner } }],
    period: { start: `${day}T09:00:00Z`, end: `${day}T09:${10 + random.below(50)}:00Z` },
    serviceProvider: { reference: organization },
  };
};

/** Patient `index` and all that belongs to it; `self` is how the others refer to it. The patient comes first. */
export const recordOf = (seed: number, index: number, self: string, care: CareTeam): object[] => {
  const random = createRandom(seed, index, 1);
  return [
    patientOf(random, personAt(seed, index), care),
    ...Array.from({ length: ENCOUNTERS }, () => encounterOf(random, self, care)),
    ...Array.from({ length: OBSERVATIONS }, (_, i) => observationOf(random, self, i)),
  ];
};

export const organizationOf = (seed: number, index: number): object => ({
  resourceType: 'Organization',
  identifier: [{ system: 'urn:portcullis:bench:organization', value: `${seed}-${index}` }],
  active: true,
  name: `General Hospital ${index}`,
});

export const practitionerOf = (seed: number, index: number): object => {
  const random = createRandom(seed, index, 2);
  return {
    resourceType: 'Practitioner',
    identifier: [{ system: 'urn:portcullis:bench:practitioner', value: `${seed}-${index}` }],
    active: true,
    name: [{ family: pick(random, FAMILIES), given: [pick(random, GIVENS)], prefix: ['Dr.'] }],
  };
};

/** Asks for one code in the one year in which a patient has such observations. */
export const codeAndYear = (random: Random): { readonly code: string; readonly from: string; readonly before: string } => {
  const i = random.below(CODES.length);
  return { code: `http://loinc.org|${CODES[i]![0]}`, from: `${FIRST_YEAR + i}-01-01`, before: `${FIRST_YEAR + i + 1}-01-01` };
};
