/** Certificates for the inside of an installation, as cert-manager would mount them: folders with tls.crt, tls.key and ca.crt. */
import { randomBytes, webcrypto } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata'; // x509's dependency injection asks for it
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
const serialNumber = (): string => `40${randomBytes(15).toString('hex')}`;
const validity = (): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.now() - HOUR_MS),
  notAfter: new Date(Date.now() + HOUR_MS),
});

export interface TlsPair {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface TestCa {
  readonly certificate: string;
  /** A certificate for client and server with this DNS name. */
  readonly issue: (dnsName: string) => Promise<TlsPair>;
}

export const createTestCa = async (name = 'test CA'): Promise<TestCa> => {
  const keys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    ...validity(),
    signingAlgorithm: ALGORITHM,
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
  const certificate = `${ca.toString('pem')}\n`;
  return {
    certificate,
    issue: async (dnsName) => {
      const own = await newKeys();
      const issued = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: `CN=${dnsName}`,
        issuer: ca.subject,
        ...validity(),
        signingAlgorithm: ALGORITHM,
        publicKey: own.publicKey as never,
        signingKey: keys.privateKey as never,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: dnsName }]),
          await x509.AuthorityKeyIdentifierExtension.create(ca),
        ],
      });
      const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', own.privateKey), 'PRIVATE KEY');
      return { cert: `${issued.toString('pem')}\n`, key: `${key}\n`, ca: certificate };
    },
  };
};

export interface MountedSecret {
  readonly dir: string;
  /** Replaces all files at once, as a kubelet does: a new folder, and `..data` moved to it. */
  readonly replace: (pair: TlsPair) => void;
  readonly remove: () => void;
}

export const mountSecret = (pair: TlsPair): MountedSecret => {
  const dir = mkdtempSync(join(tmpdir(), 'tls-'));
  let number = 0;
  const replace = ({ cert, key, ca }: TlsPair): void => {
    const folder = `..${++number}`;
    mkdirSync(join(dir, folder));
    for (const [name, text] of Object.entries({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca }))
      writeFileSync(join(dir, folder, name), text, { mode: 0o600 });
    symlinkSync(folder, join(dir, '..new'));
    renameSync(join(dir, '..new'), join(dir, '..data'));
  };
  replace(pair);
  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) symlinkSync(join('..data', name), join(dir, name));
  return { dir, replace, remove: () => rmSync(dir, { recursive: true, force: true }) };
};
