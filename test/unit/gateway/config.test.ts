import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseClients } from '../../../gateway/clients/registry.ts';
import { loadPolicy, type Policy } from '../../../gateway/config/policy.ts';
import type { ConfigError } from '../../../gateway/config/yaml-reader.ts';
import { parseQuotas } from '../../../gateway/quota/limits.ts';

const client = (more: string): string =>
  `clients:\n  - id: a\n    certificates: [{ dns: a.example }]\n    scopes: [system/*.rs]\n    tier: t\n${more}`;
const quota = (more: string): string => `quotas:\n  - { name: q, limit: 5, per: minute${more} }\n`;

const REFUSED: Readonly<Record<string, readonly [parse: (text: string, file: string) => unknown, text: string, reason: RegExp]>> = {
  'a file that is no YAML': [parseClients, 'clients: [', /^f:1:\d+: /],
  'a file without clients': [parseClients, '{}', /^f:1:1: clients is missing/],
  'an unknown field': [parseClients, client('    colour: red\n'), /^f:6:5: a client has no field "colour"/],
  'an id that comes twice': [
    parseClients,
    `${client('')}${client('').replace('clients:\n', '')}`,
    /^f:6:9: the client id a is there twice/,
  ],
  'a certificate that stands for two': [
    parseClients,
    `${client('')}  - { id: b, certificates: [{ dns: a.example }], scopes: [], tier: t }\n`,
    /^f:6:\d+: this dns already stands for the client a/,
  ],
  'a scope that is none': [parseClients, client('').replace('system/*.rs', 'patient/*.rs'), /^f:4:\d+: "patient\/\*\.rs" is not a scope/],
  'a fingerprint with colons': [parseClients, client('').replace('dns: a.example', 'sha256: "AA:BB"'), /^f:3:\d+: sha256 is the SHA-256/],
  'a status that is none': [parseClients, client('    status: gone\n'), /^f:6:13: status is one of active, revoked, suspended/],
  'a date that is none': [parseClients, client('    notAfter: soon\n'), /^f:6:15: notAfter is a date/],
  'a quota for tier and client': [parseQuotas, quota(', tier: t, client: a'), /not for both/],
  'a limit that is no number': [parseQuotas, quota('').replace('limit: 5', 'limit: many'), /^f:2:\d+: limit is a whole number/],
  'a period that is none': [parseQuotas, quota('').replace('minute', 'fortnight'), /^f:2:\d+: per is second, minute/],
  'a class that is none': [parseQuotas, quota(', class: reads'), /^f:2:\d+: class is one or a list of read, search/],
};
for (const [name, [parse, text, reason]] of Object.entries(REFUSED)) {
  test(`refuses ${name} with file, line and column`, () => {
    try {
      parse(text, 'f');
    } catch (error) {
      assert.match((error as Error).message, reason);
      return;
    }
    assert.unreachable('it was accepted');
  });
}

test('matches by SPIFFE before DNS before subject before fingerprint', () => {
  const forms = { spiffe: 'spiffe://x/s', dns: 'd.example', subject: 'CN=s', sha256: 'a'.repeat(64) };
  const text = Object.entries(forms).map(
    ([kind, value]) => `  - { id: by-${kind}, certificates: [{ ${kind}: "${value}" }], scopes: [], tier: t }`,
  );
  const registry = parseClients(`clients:\n${text.join('\n')}\n`, 'f');
  const all = { spiffe: [forms.spiffe], dns: [forms.dns], subject: forms.subject, sha256: forms.sha256 };
  assert.is(registry.find(all)?.id, 'by-spiffe');
  assert.is(registry.find({ ...all, spiffe: ['spiffe://x/other'] })?.id, 'by-dns');
  assert.is(registry.find({ ...all, spiffe: [], dns: [] })?.id, 'by-subject');
  assert.is(registry.find({ ...all, spiffe: [], dns: [], subject: 'CN=other' })?.id, 'by-sha256');
  assert.is(registry.find({ spiffe: [], dns: [], subject: '', sha256: '' }), undefined);
});

test('a certificate with several SPIFFE ids stands for nobody by them', () => {
  const ids = ['a', 'b'].map((id) => `  - { id: ${id}, certificates: [{ spiffe: "spiffe://x/${id}" }], scopes: [], tier: t }`);
  const registry = parseClients(`clients:\n${ids.join('\n')}\n`, 'f');
  const none = { dns: [], subject: '', sha256: '' };
  assert.is(registry.find({ ...none, spiffe: ['spiffe://x/a'] })?.id, 'a');
  assert.is(registry.find({ ...none, spiffe: ['spiffe://x/a', 'spiffe://x/b'] }), undefined);
});

test('reads periods with and without a number', () => {
  const periods = { second: 1, '10s': 10, '15m': 900, '2 hours': 7200, day: 86_400 };
  for (const [text, seconds] of Object.entries(periods)) {
    assert.is(parseQuotas(quota('').replace('minute', text), 'f').limits[0]!.periodMs, seconds * 1000, text);
  }
});

test('notes what is allowed and seldom meant, and refuses a quota of nobody, each with file, line and column', () => {
  const dir = mkdtempSync(join(tmpdir(), 'policy-'));
  const load = (more: string, quotas: string): Policy => {
    writeFileSync(join(dir, 'clients.yaml'), client(more));
    writeFileSync(join(dir, 'quotas.yaml'), `quotas:\n${quotas}`);
    return loadPolicy(dir);
  };
  try {
    assert.equal(load('', '  - { name: q, tier: t, limit: 5, per: minute }\n').notes, []);
    assert.equal(load('', '  - { name: q, client: a, limit: unlimited, per: minute }\n').notes, []);
    assert.equal(load('', '  - { name: q, limit: 5, per: minute }\n').notes, []);
    assert.equal(load('    notAfter: 2020-01-01\n', '  - { name: q, tier: tt, limit: 5, per: minute }\n').notes, [
      `${dir}/clients.yaml:2:5: no quota counts the client a of the tier t: it may ask without limit`,
      `${dir}/clients.yaml:2:5: the registration of a ended at 2020-01-01T00:00:00.000Z`,
      `${dir}/quotas.yaml:2:5: no client is of the tier tt, which the quota q is for`,
    ]);
    assert.throws(
      () => load('', '  - { name: q, client: b, limit: 5, per: minute }\n'),
      /quotas\.yaml:2:5: the quota q is for the client b/,
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});

for (const [what, make, reason] of [
  ['is not there', () => undefined, /ENOENT/],
  ['is a folder', (file: string) => void mkdirSync(file), /it is no file/],
  ['is a pipe', (file: string) => void execFileSync('mkfifo', [file]), /it is no file/],
  ['leads to itself', (file: string) => symlinkSync(file, file), /ELOOP/],
  ['is larger than a ConfigMap', (file: string) => writeFileSync(file, '#'.repeat((1 << 20) + 1)), /it has 1048577 bytes, and 1048576 are/],
] as const)
  test(`a file that ${what} is refused, and nobody waits for it`, () => {
    const dir = mkdtempSync(join(tmpdir(), 'config-'));
    try {
      writeFileSync(join(dir, 'clients.yaml'), 'clients: []');
      make(join(dir, 'quotas.yaml'));
      assert.throws(
        () => loadPolicy(dir),
        (error: ConfigError) => {
          assert.is(error.reasons.length, 1);
          assert.match(error.reasons[0]!, reason);
          return true;
        },
      );
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

test.run();
