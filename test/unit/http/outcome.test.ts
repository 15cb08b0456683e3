import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FhirError, outcomeText } from '../../../fhir/http/outcome.ts';

test('gives each kind its status and issue code', () => {
  const error = new FhirError('precondition', 'If-Match names version 1, the current version is 2');
  assert.is(error.status, 412);
  assert.equal(JSON.parse(outcomeText(error.issues)), {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: 'conflict', diagnostics: 'If-Match names version 1, the current version is 2' }],
  });
});

test('names the element', () => {
  const { issues } = new FhirError('value', 'not a date', { expression: 'Patient.birthDate' });
  assert.equal(JSON.parse(outcomeText(issues)).issue[0].expression, ['Patient.birthDate']);
});

test.run();
