/** Some hundred small resources: the same for the same seed. */
import { createDice, type Dice } from './random.ts';
import { createMake, type Json, type Make, NUMBERS, tidy } from './values.ts';

export interface Resource {
  readonly resourceType: string;
  readonly id: string;
  readonly [element: string]: unknown;
}

type Maker = (m: Make, d: Dice) => Json;
const SUBJECTS = ['Patient', 'Patient', 'Patient', 'Group', 'Location'] as const;
/** One of the forms of an element value[x]. */
const oneOf = (d: Dice, forms: Readonly<Record<string, () => unknown>>): Json => {
  const name = d.pick(Object.keys(forms));
  return d.chance(85) ? { [name]: forms[name]!() } : {};
};
const observed = (m: Make, d: Dice): Json =>
  oneOf(d, {
    valueQuantity: m.quantity,
    valueCodeableConcept: m.concept,
    valueString: m.text,
    valueDateTime: m.dateTime,
    valuePeriod: m.period,
    valueBoolean: () => d.chance(50),
    valueInteger: () => d.below(9),
    valueRange: m.range,
  });
const useContext = (m: Make, d: Dice): Json => ({
  code: { system: 'urn:s1', code: d.pick(['a', 'b']) },
  ...d.pick([() => ({ valueQuantity: m.quantity() }), () => ({ valueRange: m.range() }), () => ({ valueCodeableConcept: m.concept() })])(),
});

const MAKERS: Readonly<Record<string, Maker>> = {
  Patient: (m, d) => ({
    active: m.maybe(() => d.chance(50)),
    identifier: d.some(2, m.identifier),
    name: d.some(2, m.name),
    telecom: d.some(2, m.contact),
    gender: m.maybe(() => d.pick(['male', 'female', 'other', 'unknown'])),
    birthDate: m.maybe(m.date),
    ...oneOf(d, { deceasedBoolean: () => d.chance(50), deceasedDateTime: m.dateTime }),
    address: d.some(2, m.address),
    generalPractitioner: d.some(2, () => m.reference('Practitioner', 'Organization')),
    managingOrganization: m.maybe(() => m.reference('Organization')),
    link: d.some(1, () => ({ other: m.reference('Patient'), type: 'seealso' })),
    communication: d.some(1, () => ({ language: m.concept() })),
  }),
  Observation: (m, d) => ({
    status: d.pick(['final', 'amended', 'preliminary']),
    identifier: d.some(1, m.identifier),
    category: d.some(2, m.concept),
    code: m.concept(),
    subject: m.maybe(() => m.reference(...SUBJECTS), 90),
    encounter: m.maybe(() => m.reference('Encounter')),
    performer: d.some(2, () => m.reference('Practitioner', 'Patient', 'Organization')),
    ...oneOf(d, { effectiveDateTime: m.dateTime, effectivePeriod: m.period, effectiveInstant: m.instant, effectiveTiming: m.timing }),
    ...observed(m, d),
    dataAbsentReason: m.maybe(m.concept, 20),
    method: m.maybe(m.concept, 20),
    hasMember: d.some(1, () => m.reference('Observation')),
    component: d.some(2, () => ({ code: m.concept(), ...observed(m, d) })),
  }),
  Encounter: (m, d) => ({
    status: d.pick(['planned', 'finished']),
    class: m.coding(),
    type: d.some(1, m.concept),
    subject: m.maybe(() => m.reference('Patient', 'Group')),
    period: m.maybe(m.period),
    length: m.maybe(m.duration),
    location: d.some(2, () => tidy({ location: m.reference('Location'), period: m.maybe(m.period) })),
    partOf: m.maybe(() => m.reference('Encounter'), 20),
    serviceProvider: m.maybe(() => m.reference('Organization')),
    participant: d.some(1, () => ({ individual: m.reference('Practitioner') })),
  }),
  Condition: (m, d) => ({
    clinicalStatus: m.maybe(() => ({
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: d.pick(['active', 'resolved']) }],
    })),
    category: d.some(1, m.concept),
    code: m.maybe(m.concept),
    bodySite: d.some(2, m.concept),
    subject: m.reference('Patient', 'Group'),
    ...oneOf(d, { onsetDateTime: m.dateTime, onsetPeriod: m.period, onsetAge: m.duration, onsetRange: m.range, onsetString: m.text }),
    recordedDate: m.maybe(m.dateTime),
    stage: d.some(1, () => ({ summary: m.concept() })),
    evidence: d.some(2, () => tidy({ code: d.some(1, m.concept), detail: [m.reference('Observation')] })),
  }),
  MedicationRequest: (m, d) => ({
    status: d.pick(['active', 'stopped']),
    intent: d.pick(['order', 'plan']),
    ...d.pick([
      () => ({ medicationCodeableConcept: m.concept() }),
      () => ({ medicationReference: m.reference('Medication') }),
      () => ({ contained: [{ resourceType: 'Medication', id: 'm', code: m.concept() }], medicationReference: { reference: '#m' } }),
    ])(),
    subject: m.reference('Patient', 'Group'),
    encounter: m.maybe(() => m.reference('Encounter')),
    authoredOn: m.maybe(m.dateTime),
    requester: m.maybe(() => m.reference('Practitioner', 'Organization', 'Patient')),
    dosageInstruction: d.some(2, () => ({ timing: m.timing() })),
  }),
  Location: (m, d) => ({
    status: m.maybe(() => d.pick(['active', 'inactive'])),
    name: m.maybe(m.text, 80),
    alias: d.some(2, m.text),
    type: d.some(1, m.concept),
    address: m.maybe(m.address),
    managingOrganization: m.maybe(() => m.reference('Organization')),
    partOf: m.maybe(() => m.reference('Location')),
  }),
  Organization: (m, d) => ({
    identifier: d.some(2, m.identifier),
    active: m.maybe(() => d.chance(50)),
    type: d.some(1, m.concept),
    name: m.text(),
    alias: d.some(2, m.text),
    address: d.some(1, m.address),
    partOf: m.maybe(() => m.reference('Organization')),
  }),
  Practitioner: (m, d) => ({
    identifier: d.some(2, m.identifier),
    name: d.some(2, m.name),
    telecom: d.some(2, m.contact),
    gender: m.maybe(() => d.pick(['male', 'female'])),
    communication: d.some(1, m.concept),
  }),
  Medication: (m, d) => ({
    code: m.maybe(m.concept),
    manufacturer: m.maybe(() => m.reference('Organization')),
    identifier: d.some(1, m.identifier),
  }),
  ValueSet: (m, d) => ({
    url: m.maybe(m.uri, 80),
    version: m.maybe(() => d.pick(['1', '1.0', '1.1']), 30),
    status: d.pick(['active', 'draft']),
    name: m.maybe(m.text),
    title: m.maybe(m.text),
    date: m.maybe(m.dateTime),
    useContext: d.some(2, () => useContext(m, d)),
    jurisdiction: d.some(1, m.concept),
    compose: m.maybe(() => ({ include: [{ system: m.uri() }, { valueSet: [m.canonical()] }] })),
  }),
  PlanDefinition: (m, d) => ({
    url: m.maybe(m.uri, 80),
    status: d.pick(['active', 'draft']),
    effectivePeriod: m.maybe(m.period),
    library: d.some(2, m.canonical),
    topic: d.some(1, m.concept),
    action: d.some(2, () => ({ definitionCanonical: m.canonical() })),
    relatedArtifact: d.some(2, () => ({ type: d.pick(['depends-on', 'derived-from', 'predecessor']), resource: m.canonical() })),
    useContext: d.some(2, () => useContext(m, d)),
  }),
  RiskAssessment: (m, d) => ({
    status: 'final',
    subject: m.reference('Patient', 'Group'),
    condition: m.maybe(() => m.reference('Condition')),
    ...oneOf(d, { occurrenceDateTime: m.dateTime, occurrencePeriod: m.period }),
    prediction: d.some(2, () => ({
      ...oneOf(d, { probabilityDecimal: () => d.pick(NUMBERS), probabilityRange: m.range }),
      qualitativeRisk: m.concept(),
    })),
  }),
  ChargeItem: (m, d) => ({
    status: 'billable',
    code: m.concept(),
    subject: m.reference('Patient', 'Group'),
    ...oneOf(d, { occurrenceDateTime: m.dateTime, occurrencePeriod: m.period, occurrenceTiming: m.timing }),
    quantity: m.maybe(m.quantity),
    factorOverride: m.maybe(() => d.pick(NUMBERS)),
    priceOverride: m.maybe(() => tidy({ value: d.pick(NUMBERS), currency: m.maybe(() => d.pick(['EUR', 'USD'])) })),
    enteredDate: m.maybe(m.dateTime),
  }),
  ServiceRequest: (m, d) => ({
    status: 'active',
    intent: 'order',
    code: m.maybe(m.concept),
    subject: m.reference(...SUBJECTS),
    ...oneOf(d, { occurrenceDateTime: m.dateTime, occurrencePeriod: m.period, occurrenceTiming: m.timing }),
    requisition: m.maybe(m.identifier),
    instantiatesCanonical: d.some(1, m.canonical),
    instantiatesUri: d.some(1, m.uri),
    basedOn: d.some(1, () => m.reference('ServiceRequest', 'MedicationRequest')),
  }),
  Group: (m, d) => ({
    type: 'person',
    actual: d.chance(50),
    code: m.maybe(m.concept),
    member: d.some(2, () => ({ entity: m.reference('Patient', 'Practitioner') })),
    characteristic: d.some(2, () => ({
      code: m.concept(),
      exclude: d.chance(50),
      ...d.pick([
        () => ({ valueCodeableConcept: m.concept() }),
        () => ({ valueBoolean: d.chance(50) }),
        () => ({ valueQuantity: m.quantity() }),
      ])(),
    })),
  }),
  DocumentReference: (m, d) => ({
    status: 'current',
    type: m.maybe(m.concept),
    subject: m.maybe(() => m.reference('Patient', 'Group')),
    date: m.maybe(m.instant),
    relatesTo: d.some(2, () => ({ code: d.pick(['replaces', 'appends']), target: m.reference('DocumentReference') })),
    content: [{ attachment: tidy({ url: m.maybe(m.uri), contentType: 'text/plain', language: m.maybe(() => d.pick(['en', 'de'])) }) }],
  }),
};

/** What some resources of a type hold. */
const CONTAINED: Readonly<Record<string, string>> = { Condition: 'Observation', Encounter: 'Location', Observation: 'Patient' };

export const TYPES: readonly string[] = Object.keys(MAKERS);

const meta = (m: Make, d: Dice): Json | undefined => {
  const made = tidy({
    tag: d.some(1, m.coding),
    profile: d.some(1, () => `http://example.org/unknown/${d.pick(['a', 'b', 'b|1', 'b|2'])}`),
    source: m.maybe(m.uri, 30),
  });
  return Object.keys(made).length > 0 ? made : undefined;
};

/** `count` resources of each type, with the ids x0, x1, … in each of them. */
export const makeResources = (seed: number, count: number): Resource[] => {
  const dice = createDice(seed, 1);
  const make = createMake(dice, count);
  return TYPES.flatMap((resourceType) =>
    Array.from({ length: count }, (_, i) => {
      const inside = CONTAINED[resourceType];
      const contained =
        inside === undefined || !dice.chance(40)
          ? []
          : dice.some(2, () => 0).map((_, at) => ({ resourceType: inside, id: `c${at}`, ...tidy(MAKERS[inside]!(make, dice)) }));
      // Something must refer to each.
      const extension = contained.map(({ id }) => ({ url: 'urn:holds', valueReference: { reference: `#${id}` } }));
      const elements = tidy({ contained, extension, meta: make.maybe(() => meta(make, dice), 30), ...MAKERS[resourceType]!(make, dice) });
      return { resourceType, id: `x${i}`, ...elements };
    }),
  );
};
