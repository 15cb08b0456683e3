import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { readTerms } from '../../../fhir/subscription/terms.ts';

const server = { registry: loadRegistry(), baseUrl: 'https://localhost:8443/fhir' };
const subscription = (endpoint: string): Readonly<Record<string, unknown>> => ({
  resourceType: 'Subscription',
  status: 'requested',
  criteria: 'Patient?name=x',
  channel: { type: 'rest-hook', endpoint },
});

test('an endpoint is bounded before anything is done with it', () => {
  assert.is(readTerms(subscription('https://hooks.example.org/a//'), server, () => true).endpoint, 'https://hooks.example.org/a');
  const start = performance.now();
  const long = `https://hooks.example.org/${'/'.repeat(100_000)}x`;
  assert.throws(() => readTerms(subscription(long), server, () => true), /2000 characters at most/);
  assert.ok(performance.now() - start < 1000);
});

test('a media type is the same in capitals and with parameters', () => {
  for (const [payload, isXml] of [
    ['application/fhir+json; fhirVersion=4.0', false],
    ['Application/FHIR+XML', true],
  ] as const) {
    const { channel, ...rest } = subscription('https://hooks.example.org');
    assert.is(readTerms({ ...rest, channel: { ...(channel as object), payload } }, server, () => true).isXml, isXml);
  }
});

test.run();
