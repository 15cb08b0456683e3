import { X509Certificate } from 'node:crypto';
import type { Credential } from '../clients/registry.ts';

const MAX_KNOWN = 10_000;

/**
 * Reads what a certificate says of its owner from the URL-encoded PEM that Envoy has verified; undefined where it is none.
 * Certificates seen before are known by their text.
 */
export const createCredentialReader = (): ((certificate: string) => Credential | undefined) => {
  const known = new Map<string, Credential>();
  return (certificate) => {
    const found = known.get(certificate);
    if (found !== undefined) return found;
    const credential = read(certificate);
    if (credential !== undefined) {
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(certificate, credential);
    }
    return credential;
  };
};

const read = (certificate: string): Credential | undefined => {
  try {
    const x509 = new X509Certificate(decodeURIComponent(certificate));
    const names = alternativeNames(x509.subjectAltName ?? '');
    return {
      spiffe: names.flatMap(([kind, value]) => (kind === 'URI' && value.startsWith('spiffe://') ? [value] : [])),
      dns: names.flatMap(([kind, value]) => (kind === 'DNS' ? [value.toLowerCase()] : [])),
      subject: x509.subject.split('\n').reverse().join(),
      sha256: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
    };
  } catch {
    return undefined;
  }
};

// Node writes a value with special characters as a JSON string.
const alternativeNames = (text: string): (readonly [kind: string, value: string])[] =>
  [...text.matchAll(/(\w[\w ]*):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].map(([, kind, value]) => [
    kind!,
    value!.startsWith('"') ? (JSON.parse(value!) as string) : value!,
  ]);
