/** Certificates as an installation gets them from elsewhere; they live as long as a run. */
import { randomBytes, webcrypto } from 'node:crypto';
import 'reflect-metadata'; // x509's dependency injection asks for it
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

const USAGES = {
  server: [x509.ExtendedKeyUsage.serverAuth],
  client: [x509.ExtendedKeyUsage.clientAuth],
  both: [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth],
};

export interface Pair {
  readonly cert: string;
  readonly key: string;
  /** Hex. */
  readonly serial: string;
}

export interface Wanted {
  readonly subject: string;
  readonly dns: readonly string[];
  readonly usage: keyof typeof USAGES;
}

export interface TestAuthority {
  readonly caPem: string;
  readonly issue: (wanted: Wanted) => Promise<Pair>;
  /** A revocation list on which nothing stands. */
  readonly emptyCrl: () => Promise<string>;
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
const serialNumber = (): string => `40${randomBytes(15).toString('hex')}`;
const times = (): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + 7 * DAY_MS),
});

export const createAuthority = async (name: string): Promise<TestAuthority> => {
  const keys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    ...times(),
    signingAlgorithm: ALGORITHM,
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
  return {
    caPem: `${ca.toString('pem')}\n`,
    issue: async ({ subject, dns, usage }) => {
      const pair = await newKeys();
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: `CN=${subject}`,
        issuer: ca.subject,
        ...times(),
        signingAlgorithm: ALGORITHM,
        publicKey: pair.publicKey as never,
        signingKey: keys.privateKey as never,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension(USAGES[usage]),
          new x509.SubjectAlternativeNameExtension(dns.map((value) => ({ type: 'dns', value }))),
          await x509.AuthorityKeyIdentifierExtension.create(ca),
        ],
      });
      const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey), 'PRIVATE KEY');
      return { cert: `${certificate.toString('pem')}\n`, key: `${key}\n`, serial: certificate.serialNumber };
    },
    emptyCrl: async () => {
      const crl = await x509.X509CrlGenerator.create({
        issuer: ca.subject,
        thisUpdate: new Date(Date.now() - DAY_MS),
        nextUpdate: new Date(Date.now() + 7 * DAY_MS),
        signingAlgorithm: ALGORITHM,
        signingKey: keys.privateKey as never,
        entries: [],
      });
      return `${x509.PemConverter.encode(crl.rawData, 'X509 CRL')}\n`;
    },
  };
};
