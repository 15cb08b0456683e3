/** The FHIRPath Patch cases are those of FHIR/fhir-test-cases, r4/patch/fhir-patch-tests.xml, told anew. */
import type { Area, Case } from '../case.ts';

const FHIR = { 'content-type': 'application/fhir+json' };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
type Value = Readonly<Record<string, unknown>>;

interface Operation {
  readonly type: string;
  readonly path: string;
  readonly name?: string;
  readonly index?: number;
  readonly source?: number;
  readonly destination?: number;
  /** `{ valueDate: … }`, or parts for a type without a name: `{ part: […] }`. */
  readonly value?: Value;
}

const parameters = (operations: readonly Operation[]): object => ({
  resourceType: 'Parameters',
  parameter: operations.map(({ type, path, name, index, source, destination, value }) => ({
    name: 'operation',
    part: [
      { name: 'type', valueCode: type },
      { name: 'path', valueString: path },
      ...(name === undefined ? [] : [{ name: 'name', valueString: name }]),
      ...(index === undefined ? [] : [{ name: 'index', valueInteger: index }]),
      ...(source === undefined ? [] : [{ name: 'source', valueInteger: source }]),
      ...(destination === undefined ? [] : [{ name: 'destination', valueInteger: destination }]),
      ...(value === undefined ? [] : [{ name: 'value', ...value }]),
    ],
  })),
});

let number = 0;
/** Puts a Patient, patches it, reads it back. */
const patched = (name: string, before: Value, operations: readonly Operation[], after: Value): Case => {
  const id = `pt${number++}`;
  return {
    name: `FHIRPath: ${name}`,
    steps: [
      { send: `PUT /Patient/${id}`, body: { resourceType: 'Patient', id, ...before }, expect: { status: [200, 201] } },
      { send: `PATCH /Patient/${id}`, headers: FHIR, body: parameters(operations), expect: { status: 200 } },
      { send: `GET /Patient/${id}`, expect: { status: 200, body: { resourceType: 'Patient', id, ...after } } },
    ],
  };
};

const refused = (name: string, before: Value, operations: readonly Operation[]): Case => {
  const id = `pt${number++}`;
  return {
    name: `FHIRPath, refused: ${name}`,
    steps: [
      { send: `PUT /Patient/${id}`, body: { resourceType: 'Patient', id, ...before } },
      {
        send: `PATCH /Patient/${id}`,
        headers: FHIR,
        body: parameters(operations),
        expect: { status: [400, 422], has: { resourceType: 'OperationOutcome' } },
      },
      { send: `GET /Patient/${id}`, expect: { has: { 'meta.versionId': '1' } } },
    ],
  };
};

const json = (
  name: string,
  operations: readonly object[] | string,
  status: number | readonly number[],
  after?: Value,
  headers: Record<string, string> = {},
): Case => {
  const id = `pt${number++}`;
  const before = {
    active: true,
    gender: 'male',
    name: [{ family: 'A', given: ['B', 'C'] }],
    birthDate: '1970-01-01',
    deceasedBoolean: false,
  };
  return {
    name: `JSON Patch${status === 200 ? '' : ', refused'}: ${name}`,
    steps: [
      { send: `PUT /Patient/${id}`, body: { resourceType: 'Patient', id, ...before } },
      {
        send: `PATCH /Patient/${id}`,
        headers: { ...JSON_PATCH, ...headers },
        body: typeof operations === 'string' ? operations : JSON.stringify(operations),
        expect: { status, ...(status === 200 ? {} : { has: { resourceType: 'OperationOutcome' } }) },
      },
      { send: `GET /Patient/${id}`, expect: { body: { resourceType: 'Patient', id, ...(after ?? before) } } },
    ],
  };
};

const identifiers = (...values: readonly number[]): Value => ({
  identifier: values.map((value) => ({ system: 'http://example.org', value: `value ${value}` })),
});
const identifier = (value: number): Value => ({ valueIdentifier: { system: 'http://example.org', value: `value ${value}` } });
const contact = { contact: [{ name: { text: 'a name' }, gender: 'male' }] };
const move = (source: number, destination: number): Operation => ({ type: 'move', path: 'Patient.identifier', source, destination });
const remove = (path: string): Operation => ({ type: 'delete', path });
const replace = (path: string, value: Value): Operation => ({ type: 'replace', path, value });
const add = (path: string, name: string, value: Value): Operation => ({ type: 'add', path, name, value });

const name = [{ family: 'A', given: ['B', 'C'] }];
const rest = { active: true, gender: 'male', birthDate: '1970-01-01', deceasedBoolean: false };

export const patch: Area = {
  area: 'patch',
  spec: 'http://hl7.org/fhir/R4/fhirpatch.html',
  cases: [
    patched('replace a primitive', { birthDate: '1920-01-01' }, [replace('Patient.birthDate', { valueDate: '1930-01-01' })], {
      birthDate: '1930-01-01',
    }),
    patched('delete a primitive', { birthDate: '1920-01-01', active: true }, [remove('Patient.birthDate')], { active: true }),
    patched('delete what isn’t there', { active: true }, [remove('Patient.birthDate')], { active: true }),
    patched('add a primitive', {}, [add('Patient', 'birthDate', { valueDate: '1930-01-01' })], { birthDate: '1930-01-01' }),
    patched('replace a nested primitive', contact, [replace('Patient.contact[0].gender', { valueCode: 'female' })], {
      contact: [{ name: { text: 'a name' }, gender: 'female' }],
    }),
    patched('replace a primitive two levels down', contact, [replace('Patient.contact[0].name.text', { valueString: 'the name' })], {
      contact: [{ name: { text: 'the name' }, gender: 'male' }],
    }),
    patched('delete a nested primitive', contact, [remove('Patient.contact[0].gender')], { contact: [{ name: { text: 'a name' } }] }),
    patched('delete the last of an element: it goes too', contact, [remove('Patient.contact[0].name.text')], {
      contact: [{ gender: 'male' }],
    }),
    patched(
      'add a nested primitive',
      { contact: [{ name: { text: 'a name' } }] },
      [add('Patient.contact[0]', 'gender', { valueCode: 'male' })],
      contact,
    ),
    patched('add a complex element', {}, [add('Patient', 'maritalStatus', { valueCodeableConcept: { text: 'married' } })], {
      maritalStatus: { text: 'married' },
    }),
    patched(
      'replace a complex element, its id too',
      { maritalStatus: { id: '1', text: 'married' } },
      [replace('Patient.maritalStatus', { valueCodeableConcept: { id: '2', text: 'not married' } })],
      { maritalStatus: { id: '2', text: 'not married' } },
    ),
    patched('delete a complex element', { maritalStatus: { text: 'married' }, active: true }, [remove('Patient.maritalStatus')], {
      active: true,
    }),
    patched(
      'add an element whose type has no name',
      {},
      [add('Patient', 'contact', { part: [{ name: 'name', valueHumanName: { text: 'a name' } }] })],
      {
        contact: [{ name: { text: 'a name' } }],
      },
    ),
    patched('delete an element whose type has no name', { ...contact, active: true }, [remove('Patient.contact[0]')], { active: true }),
    patched(
      'change what is in a list',
      identifiers(1, 2),
      [
        replace('Patient.identifier[0].value', { valueString: 'value 2' }),
        replace('Patient.identifier[1].value', { valueString: 'value 1' }),
      ],
      identifiers(2, 1),
    ),
    patched('add to a list', identifiers(1, 2), [add('Patient', 'identifier', identifier(3))], identifiers(1, 2, 3)),
    patched(
      'insert into a list',
      identifiers(1, 2),
      [{ type: 'insert', path: 'Patient.identifier', index: 1, value: identifier(3) }],
      identifiers(1, 3, 2),
    ),
    patched(
      'insert at the head of a list',
      identifiers(1, 2),
      [{ type: 'insert', path: 'Patient.identifier', index: 0, value: identifier(3) }],
      identifiers(3, 1, 2),
    ),
    patched(
      'insert at the end of a list',
      identifiers(1, 2),
      [{ type: 'insert', path: 'Patient.identifier', index: 2, value: identifier(3) }],
      identifiers(1, 2, 3),
    ),
    ...[0, 1, 2].map((i) =>
      patched(
        `delete item ${i} of a list`,
        identifiers(1, 2, 3),
        [remove(`Patient.identifier[${i}]`)],
        identifiers(...[1, 2, 3].filter((_, at) => at !== i)),
      ),
    ),
    patched('move from 3 to 1', identifiers(1, 2, 3, 4), [move(3, 1)], identifiers(1, 4, 2, 3)),
    patched('move from 3 to 0', identifiers(1, 2, 3, 4), [move(3, 0)], identifiers(4, 1, 2, 3)),
    patched('move from 3 to 2', identifiers(1, 2, 3, 4), [move(3, 2)], identifiers(1, 2, 4, 3)),
    patched('move from 0 to 3', identifiers(1, 2, 3, 4), [move(0, 3)], identifiers(2, 3, 4, 1)),
    patched('move twice', identifiers(1, 2, 3, 4), [move(1, 0), move(2, 1)], identifiers(2, 3, 1, 4)),
    patched('turn a list round', identifiers(1, 2, 3, 4), [move(3, 0), move(3, 1), move(3, 2)], identifiers(4, 3, 2, 1)),
    patched(
      'one operation after the other',
      { contact: [{ name: { given: ['Bénédicte'] } }] },
      [
        add('Patient.contact[0]', 'gender', { valueCode: 'male' }),
        add('Patient', 'contact', { part: [{ name: 'gender', valueCode: 'male' }] }),
      ],
      { contact: [{ name: { given: ['Bénédicte'] }, gender: 'male' }, { gender: 'male' }] },
    ),
    patched(
      'a path with where()',
      {
        telecom: [
          { system: 'phone', value: '1' },
          { system: 'email', value: 'a@b.c' },
        ],
      },
      [replace("Patient.telecom.where(system = 'email').value", { valueString: 'd@e.f' })],
      {
        telecom: [
          { system: 'phone', value: '1' },
          { system: 'email', value: 'd@e.f' },
        ],
      },
    ),
    patched(
      'replace one form of a choice by another',
      { deceasedBoolean: true },
      [replace('Patient.deceased', { valueDateTime: '2020-01-01' })],
      {
        deceasedDateTime: '2020-01-01',
      },
    ),
    patched(
      'a full resource, its narrative too',
      {
        text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><b>Chalmers</b> (&quot;Jim&quot;)</div>' },
        name: [{ family: 'Chalmers', given: ['Peter', 'James'] }],
      },
      [
        replace('Patient.text.div', {
          valueString: '<div xmlns="http://www.w3.org/1999/xhtml"><b>Chalmers1</b> (&quot;Jim&quot;)</div>',
        }),
        replace('Patient.name[0].family', { valueString: 'Chalmers1' }),
      ],
      {
        text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><b>Chalmers1</b> (&quot;Jim&quot;)</div>' },
        name: [{ family: 'Chalmers1', given: ['Peter', 'James'] }],
      },
    ),
    patched('no operation changes nothing', { active: true }, [], { active: true }),
    refused('an add below what isn’t there', { identifier: [{ use: 'official', value: '123' }] }, [
      add("Patient.identifier.where(use = 'official').period", 'end', { valueDate: '2021-12-01' }),
    ]),
    refused('a replace of what isn’t there', { active: true }, [replace('Patient.birthDate', { valueDate: '1930-01-01' })]),
    refused('an element that Patient hasn’t', { active: true }, [add('Patient', 'shoeSize', { valueInteger: 43 })]),
    refused('a result that isn’t valid', { gender: 'male' }, [replace('Patient.gender', { valueCode: 'none' })]),
    refused('a path to several', identifiers(1, 2), [remove('Patient.identifier')]),
    refused('an unknown operation', { active: true }, [{ type: 'upsert', path: 'Patient.active', value: { valueBoolean: false } }]),
    refused('an index beyond the list', identifiers(1, 2), [
      { type: 'insert', path: 'Patient.identifier', index: 9, value: identifier(3) },
    ]),
    refused('another id', { active: true }, [replace('Patient.id', { valueId: 'other' })]),

    json('replace', [{ op: 'replace', path: '/gender', value: 'female' }], 200, { ...rest, name, gender: 'female' }),
    json('add to an array, at its end', [{ op: 'add', path: '/name/0/given/-', value: 'D' }], 200, {
      ...rest,
      name: [{ family: 'A', given: ['B', 'C', 'D'] }],
    }),
    json('add into an array', [{ op: 'add', path: '/name/0/given/1', value: 'D' }], 200, {
      ...rest,
      name: [{ family: 'A', given: ['B', 'D', 'C'] }],
    }),
    json('remove', [{ op: 'remove', path: '/gender' }], 200, { active: true, birthDate: '1970-01-01', deceasedBoolean: false, name }),
    json('move', [{ op: 'move', from: '/name/0/given/0', path: '/name/0/given/1' }], 200, {
      ...rest,
      name: [{ family: 'A', given: ['C', 'B'] }],
    }),
    json('copy', [{ op: 'copy', from: '/name/0', path: '/name/1' }], 200, { ...rest, name: [...name, ...name] }),
    json(
      'a test that holds',
      [
        { op: 'test', path: '/gender', value: 'male' },
        { op: 'replace', path: '/active', value: false },
      ],
      200,
      { ...rest, name, active: false },
    ),
    json(
      'another form of a choice',
      [
        { op: 'remove', path: '/deceasedBoolean' },
        { op: 'add', path: '/deceasedDateTime', value: '2020-01-01' },
      ],
      200,
      {
        active: true,
        gender: 'male',
        birthDate: '1970-01-01',
        deceasedDateTime: '2020-01-01',
        name,
      },
    ),
    json('a test that fails', [{ op: 'test', path: '/gender', value: 'female' }], [400, 409, 412, 422]),
    json('an operation that is none', [{ op: 'coo', path: '/gender', value: 'female' }], [400, 422]),
    json('an operation without a path', [{ op: 'replace', value: 'female' }], [400, 422]),
    json('a path that isn’t there', [{ op: 'replace', path: '/address/0/city', value: 'x' }], [400, 422]),
    json('two forms of a choice', [{ op: 'add', path: '/deceasedDateTime', value: '2020-01-01' }], [400, 422]),
    json('a code that is none', [{ op: 'replace', path: '/gender', value: 'dummy' }], [400, 422]),
    json('a date that is none', [{ op: 'replace', path: '/birthDate', value: 'abc' }], [400, 422]),
    json('another id', [{ op: 'replace', path: '/id', value: 'abc' }], [400, 422]),
    json('another resourceType', [{ op: 'replace', path: '/resourceType', value: 'Person' }], [400, 422]),
    json('a body that is no array', '{"op":"remove","path":"/gender"}', [400, 422]),
    json('an empty body', ' ', 400),
    json('an If-Match of another version', [{ op: 'remove', path: '/gender' }], [409, 412], undefined, { 'if-match': 'W/"9"' }),
    json(
      'an If-Match of this version',
      [{ op: 'replace', path: '/active', value: false }],
      200,
      { ...rest, name, active: false },
      { 'if-match': 'W/"1"' },
    ),
    {
      name: 'JSON Patch of what isn’t there is 404',
      steps: [
        { send: 'PATCH /Patient/never-was', headers: JSON_PATCH, body: '[{"op":"remove","path":"/gender"}]', expect: { status: 404 } },
      ],
    },
    {
      name: 'a patch in another media type is 415',
      steps: [{ send: 'PATCH /Patient/pt0', headers: { 'content-type': 'text/plain' }, body: 'x', expect: { status: 415 } }],
    },
  ],
};
