/** A certificate authority for development: its key lies in a file. In production the certificates come from a CA of your own. */
import { createHash, randomBytes, webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import 'reflect-metadata'; // x509's dependency injection asks for it
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
const SERVER_DAYS = 398;
const RENEW_DAYS = 30;
export const CLIENT_DAYS = 365;
export const TRUST_DOMAIN = 'portcullis.local';

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** What was issued, to be listed and revoked. */
export interface Issued {
  /** Hex. */
  readonly serial: string;
  readonly client: string;
  readonly notAfter: string;
  readonly sha256: string;
  readonly revoked?: string;
}

export interface Authority {
  readonly caFile: string;
  /** ca.crt and ca.crl: what Envoy trusts. */
  readonly trustDir: string;
  /** tls.crt and tls.key. */
  readonly serverDir: string;
  clientFiles(id: string): { readonly cert: string; readonly key: string };
  /** Makes certificate and key of a client, replacing those that are there; throws on an id that can't be one. */
  issueClient(id: string, days?: number): Promise<Issued>;
  /** Puts every certificate of a client on the revocation list; returns how many that were. */
  revokeClient(id: string): Promise<number>;
  list(): readonly Issued[];
}

const writeSecret = (file: string, text: string): void => {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
};

const pemOf = async (key: webcrypto.CryptoKey): Promise<string> =>
  x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
const serialNumber = (): string => `40${randomBytes(15).toString('hex')}`; // positive, and always 16 bytes

interface Ca {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

const openCa = async (dir: string): Promise<Ca> => {
  const certFile = join(dir, 'ca.crt');
  const keyFile = join(dir, 'ca.key');
  if (!existsSync(certFile)) {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: 'CN=Portcullis development CA',
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + CA_DAYS * DAY_MS),
      signingAlgorithm: ALGORITHM,
      keys: keys as never,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
      ],
    });
    writeSecret(keyFile, await pemOf(keys.privateKey));
    writeFileSync(certFile, `${certificate.toString('pem')}\n`);
  }
  const [der] = x509.PemConverter.decode(readFileSync(keyFile, 'utf8'));
  const key = await webcrypto.subtle.importKey('pkcs8', der!, ALGORITHM, false, ['sign']);
  return { certificate: new x509.X509Certificate(readFileSync(certFile, 'utf8')), key };
};

interface Request {
  readonly subject: string;
  readonly names: readonly { readonly type: 'dns' | 'ip' | 'url'; readonly value: string }[];
  readonly usage: string;
  readonly days: number;
}

const sign = async (
  { certificate: issuer, key }: Ca,
  { subject, names, usage, days }: Request,
): Promise<{ certificate: x509.X509Certificate; keyPem: string }> => {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject,
    issuer: issuer.subject,
    notBefore: new Date(Date.now() - 5 * 60_000),
    notAfter: new Date(Date.now() + days * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey as never,
    signingKey: key as never,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      new x509.SubjectAlternativeNameExtension([...names]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificate, keyPem: await pemOf(keys.privateKey) };
};

const SERVER_NAMES = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
] as const;

const ensureServer = async (ca: Ca, dir: string): Promise<void> => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, 'tls.crt');
  const isGood =
    existsSync(file) && new x509.X509Certificate(readFileSync(file, 'utf8')).notAfter.getTime() > Date.now() + RENEW_DAYS * DAY_MS;
  if (isGood) return;
  const { certificate, keyPem } = await sign(ca, {
    subject: 'CN=localhost',
    names: SERVER_NAMES,
    usage: x509.ExtendedKeyUsage.serverAuth,
    days: SERVER_DAYS,
  });
  writeSecret(join(dir, 'tls.key'), keyPem);
  writeFileSync(`${file}.new`, `${certificate.toString('pem')}\n`);
  renameSync(`${file}.new`, file);
};

/** Opens the authority of a folder, making whatever isn't there yet: CA, server certificate, revocation list. */
export const openAuthority = async (dir: string): Promise<Authority> => {
  const clientsDir = join(dir, 'clients');
  const trustDir = join(dir, 'trust');
  const serverDir = join(dir, 'server');
  const listFile = join(dir, 'issued.json');
  for (const each of [dir, clientsDir, trustDir]) mkdirSync(each, { recursive: true, mode: 0o700 });
  const ca = await openCa(dir);
  await ensureServer(ca, serverDir);
  const list = (): Issued[] => (existsSync(listFile) ? (JSON.parse(readFileSync(listFile, 'utf8')) as Issued[]) : []);
  const save = (issued: readonly Issued[]): void => writeSecret(listFile, `${JSON.stringify(issued, null, 2)}\n`);

  const publishRevocations = async (): Promise<void> => {
    const crl = await x509.X509CrlGenerator.create({
      issuer: ca.certificate.subject,
      thisUpdate: new Date(Date.now() - DAY_MS),
      nextUpdate: new Date(Date.now() + CA_DAYS * DAY_MS),
      signingAlgorithm: ALGORITHM,
      signingKey: ca.key as never,
      entries: list().flatMap(({ serial, revoked }) =>
        revoked === undefined
          ? []
          : [{ serialNumber: serial, revocationDate: new Date(revoked), reason: x509.X509CrlReason.cessationOfOperation }],
      ),
    });
    writeFileSync(join(trustDir, 'ca.crt.new'), readFileSync(join(dir, 'ca.crt')));
    renameSync(join(trustDir, 'ca.crt.new'), join(trustDir, 'ca.crt'));
    // Renamed into place, which is what Envoy watches for.
    writeFileSync(join(trustDir, 'ca.crl.new'), `${x509.PemConverter.encode(crl.rawData, 'X509 CRL')}\n`);
    renameSync(join(trustDir, 'ca.crl.new'), join(trustDir, 'ca.crl'));
  };
  if (!readdirSync(trustDir).includes('ca.crl')) await publishRevocations();

  const clientFiles = (id: string): { cert: string; key: string } => ({
    cert: join(clientsDir, `${id}.crt`),
    key: join(clientsDir, `${id}.key`),
  });
  return {
    caFile: join(dir, 'ca.crt'),
    trustDir,
    serverDir,
    clientFiles,
    list,
    issueClient: async (id, days = CLIENT_DAYS) => {
      if (!ID.test(id))
        throw new Error(`"${id.slice(0, 70)}" can't be a client id: use up to 64 letters, digits, dots, dashes and underscores`);
      const names = [{ type: 'url', value: `spiffe://${TRUST_DOMAIN}/client/${id}` }] as const;
      const { certificate, keyPem } = await sign(ca, { subject: `CN=${id}`, names, usage: x509.ExtendedKeyUsage.clientAuth, days });
      const { cert, key } = clientFiles(id);
      writeSecret(key, keyPem);
      writeFileSync(cert, `${certificate.toString('pem')}\n`, { mode: 0o644 });
      const issued: Issued = {
        serial: certificate.serialNumber,
        client: id,
        notAfter: certificate.notAfter.toISOString(),
        sha256: createHash('sha256').update(new Uint8Array(certificate.rawData)).digest('hex'),
      };
      save([...list(), issued]);
      return issued;
    },
    revokeClient: async (id) => {
      const issued = list();
      const hit = issued.filter(({ client, revoked }) => client === id && revoked === undefined);
      if (hit.length > 0) save(issued.map((each) => (hit.includes(each) ? { ...each, revoked: new Date().toISOString() } : each)));
      await publishRevocations();
      return hit.length;
    },
  };
};
