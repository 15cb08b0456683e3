import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createEndpointCheck } from '../../../fhir/subscription/endpoint.ts';

const isAllowed = createEndpointCheck(['https://hooks.example.org/fhir', 'https://all.example.org:8443', 'http://127.0.0.1:9999/hook/']);

const CASES: Readonly<Record<string, boolean>> = {
  'https://hooks.example.org/fhir': true,
  'https://hooks.example.org/fhir/': true,
  'https://hooks.example.org/fhir/a?b=c': true,
  'https://hooks.example.org:443/fhir': true,
  'https://HOOKS.example.org/fhir': true,
  'https://all.example.org:8443/anything': true,
  'http://127.0.0.1:9999/hook/x': true,
  'https://hooks.example.org/': false,
  'https://hooks.example.org/fhirx': false,
  'https://hooks.example.org/fhir/../admin': false,
  'https://hooks.example.org/fhir/%2e%2e/admin': false,
  'https://hooks.example.org:8443/fhir': false,
  'http://hooks.example.org/fhir': false,
  'https://hooks.example.org.evil.org/fhir': false,
  'https://hooks.example.org@evil.org/fhir': false,
  'https://user:secret@hooks.example.org/fhir': false,
  'https://evil.org/https://hooks.example.org/fhir': false,
  'https://all.example.org/': false,
  'http://127.0.0.1:9998/hook': false,
  'http://localhost:9999/hook': false,
  'http://169.254.169.254/latest/meta-data': false,
  'file:///etc/passwd': false,
  'urn:uuid:1': false,
  '': false,
};
for (const [endpoint, expected] of Object.entries(CASES)) {
  test(`${endpoint || 'nothing'} may ${expected ? '' : 'not '}be told`, () => assert.is(isAllowed(endpoint), expected));
}

test('nothing may be told without entries', () => assert.not(createEndpointCheck([])('https://example.org')));

test('refuses an entry that is not safe', () => {
  for (const entry of ['http://example.org', 'example.org', 'https://user@example.org', 'ftp://localhost', '*'])
    assert.throws(() => createEndpointCheck([entry]), /can't be an endpoint/);
});

test.run();
