import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { createValidator } from '../../../fhir/validation/validator.ts';
import { parseBenchArguments, requireLoopback } from '../../bench/arguments.ts';
import { createRequests, MODES } from '../../bench/mode.ts';
import { personAt, recordOf } from '../../bench/population.ts';

const CARE = { organization: 'Organization/o', practitioner: 'Practitioner/p' };

test('the bench loads nobody else than this machine', () => {
  for (const address of ['http://127.0.0.1:8080/fhir', 'https://localhost:8443/fhir', 'http://[::1]:80/fhir', 'http://127.9.9.9/'])
    assert.is(requireLoopback(address).href.startsWith('http'), true);
  for (const address of ['https://fhir.example.org/', 'http://127.0.0.1.example.org/', 'http://10.0.0.1/fhir', 'http://0x7f.1.example/'])
    assert.throws(() => requireLoopback(address), /not on this machine/);
  assert.throws(() => parseBenchArguments(['--peers', 'other=http://192.168.0.1/fhir']), /not on this machine/);
});

test('the bench names the argument that is wrong', () => {
  assert.throws(() => parseBenchArguments(['--patients', '100000']), /--patients takes a number from 10 to 64000/);
  assert.throws(() => parseBenchArguments(['--modes', 'read,fly']), /no mode fly/);
  assert.throws(() => parseBenchArguments(['--peer-pids', 'other=fhir:1']), /other is none of --peers/);
});

test('the same seed makes the same people, in whatever order they are asked for', () => {
  const record = JSON.stringify(recordOf(7, 41, 'Patient/x', CARE));
  personAt(7, 3);
  assert.is(JSON.stringify(recordOf(7, 41, 'Patient/x', CARE)), record);
  assert.is.not(JSON.stringify(recordOf(8, 41, 'Patient/x', CARE)), record);
  assert.is(new Set(Array.from({ length: 1000 }, (_, i) => personAt(7, i).mrn)).size, 1000);
  assert.ok(new Set(Array.from({ length: 1000 }, (_, i) => personAt(7, i).family)).size > 700);
});

test('everything in the population is valid', () => {
  const validator = createValidator(loadRegistry());
  for (const resource of recordOf(1, 5, 'Patient/x', CARE))
    assert.equal(validator.validate(resource, (resource as { resourceType: string }).resourceType), []);
});

test('two callers ask for different things, and each for the same again', () => {
  for (const mode of MODES.filter((each) => each !== 'bundle')) {
    const source = { mode, seed: 1, ids: Array.from({ length: 50 }, (_, i) => `p${i}`), bundles: [], run: 'x' };
    const firstTen = (caller: number): string => {
      const next = createRequests(source, caller);
      return JSON.stringify(Array.from({ length: 10 }, next));
    };
    assert.is(firstTen(0), firstTen(0));
    assert.is.not(firstTen(0), firstTen(1));
  }
});

test.run();
