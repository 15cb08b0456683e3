/** Who may come in: clients.yaml. */
import { isScalar, type Node } from 'yaml';
import { parseScopes, type ScopeSet } from '../../proto/access/scope.ts';
import { YamlReader } from '../config/yaml-reader.ts';

export interface Client {
  readonly id: string;
  readonly scopes: ScopeSet;
  /** The scopes as they are written, separated by spaces, as the signed identity carries them. */
  readonly scopeText: string;
  /** Operations by name with `$`; `*` for all. */
  readonly operations: readonly string[];
  readonly tier: string;
  readonly status: 'active' | 'revoked' | 'suspended';
  /** Milliseconds since the epoch. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What a certificate says of its owner; strongest first. */
export interface Credential {
  readonly spiffe: readonly string[];
  readonly dns: readonly string[];
  /** As in RFC 2253, most specific part first: `CN=ehr,O=Hospital`. */
  readonly subject: string;
  /** Of the whole certificate, lower-case hex. */
  readonly sha256: string;
}

export interface ClientRegistry {
  readonly clients: ReadonlyMap<string, Client>;
  /** Where each client stands, by its id: `file:line:column`. */
  readonly places: ReadonlyMap<string, string>;
  find(credential: Credential): Client | undefined;
}

const MATCHES = ['spiffe', 'dns', 'subject', 'sha256'] as const;
type MatchKind = (typeof MATCHES)[number];

const FORMS: Readonly<Record<MatchKind, readonly [RegExp, string]>> = {
  spiffe: [/^spiffe:\/\/[a-z0-9._-]+\/\S+$/, 'spiffe://trust-domain/path'],
  dns: [/^[a-z0-9*]([a-z0-9.-]*[a-z0-9])?$/, 'a DNS name in lower case'],
  subject: [/^[A-Za-z0-9.]+=\S/, 'a subject such as CN=ehr,O=Hospital'],
  sha256: [/^[0-9a-f]{64}$/, 'the SHA-256 of the certificate as 64 hex digits in lower case, without colons'],
};
const FIELDS = ['id', 'certificates', 'scopes', 'operations', 'tier', 'status', 'notBefore', 'notAfter'] as const;
const STATUSES = ['active', 'revoked', 'suspended'] as const;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Throws ConfigError with every reason as file:line:column. */
export const parseClients = (text: string, file: string): ClientRegistry => {
  const reader = new YamlReader(text, file);
  const { clients: list } = reader.fields(reader.root, ['clients'], 'the file');
  const clients = new Map<string, Client>();
  const places = new Map<string, string>();
  const matches = new Map<string, Client>();
  for (const node of list === undefined ? [] : reader.list(list, 'clients')) {
    const client = readClient(reader, node, clients, matches);
    if (client === undefined) continue;
    clients.set(client.id, client);
    places.set(client.id, reader.placeOf(node));
  }
  if (list === undefined && reader.reasons.length === 0)
    reader.refuse(reader.root, 'clients is missing: an empty list is written clients: []');
  reader.finish();
  return {
    clients,
    places,
    find: ({ spiffe, dns, subject, sha256 }) => {
      // With several ids it is no SVID, and for whom it stands would go by their order. Source: SPIFFE, X509-SVID, 2
      const client = spiffe.length === 1 ? matches.get(`spiffe ${spiffe[0]!}`) : undefined;
      if (client !== undefined) return client;
      for (const name of dns) {
        const client = matches.get(`dns ${name}`);
        if (client !== undefined) return client;
      }
      return matches.get(`subject ${subject}`) ?? matches.get(`sha256 ${sha256}`);
    },
  };
};

const readClient = (
  reader: YamlReader,
  node: Node,
  clients: ReadonlyMap<string, Client>,
  matches: Map<string, Client>,
): Client | undefined => {
  const fields = reader.fields(node, FIELDS, 'a client');
  const id = reader.text(fields.id, 'id', node);
  if (id === undefined) return undefined;
  if (!ID.test(id))
    return reader.refuse(fields.id, `"${id.slice(0, 70)}" is no client id: use up to 64 letters, digits, dots, dashes and underscores`);
  if (clients.has(id)) return reader.refuse(fields.id, `the client id ${id} is there twice`);
  const scopes = texts(reader, fields.scopes, 'scopes', node);
  let scopeSet: ScopeSet = new Map();
  for (const { value, at } of scopes) {
    try {
      parseScopes([value]);
    } catch (error) {
      reader.refuse(at, (error as Error).message);
    }
  }
  if (reader.reasons.length === 0) scopeSet = parseScopes(scopes.map(({ value }) => value));
  const operations = fields.operations === undefined ? [] : texts(reader, fields.operations, 'operations', node);
  for (const { value, at } of operations) {
    if (value !== '*' && !/^\$[a-z][a-z0-9-]*$/.test(value))
      reader.refuse(at, `"${value.slice(0, 60)}" is no operation: write $everything, or "*" for all`);
  }
  const status = fields.status === undefined ? 'active' : reader.text(fields.status, 'status');
  const known = STATUSES.find((each) => each === status);
  if (status !== undefined && known === undefined) reader.refuse(fields.status, `status is one of ${STATUSES.join(', ')}`);
  const client: Client = {
    id,
    scopes: scopeSet,
    scopeText: scopes.map(({ value }) => value).join(' '),
    operations: operations.map(({ value }) => value),
    tier: reader.text(fields.tier, 'tier', node) ?? '',
    status: known ?? 'suspended',
    notBeforeMs: timeOf(reader, fields.notBefore, 'notBefore') ?? -Infinity,
    notAfterMs: timeOf(reader, fields.notAfter, 'notAfter') ?? Infinity,
  };
  readCertificates(reader, fields.certificates, node, client, matches);
  return client;
};

const readCertificates = (reader: YamlReader, list: Node | undefined, owner: Node, client: Client, matches: Map<string, Client>): void => {
  if (list === undefined) {
    reader.refuse(
      owner,
      `certificates is missing: say how ${client.id} is known, such as - spiffe: spiffe://example.org/client/${client.id}`,
    );
    return;
  }
  for (const node of reader.list(list, 'certificates')) {
    const fields = reader.fields(node, MATCHES, 'a certificate');
    const given = MATCHES.filter((kind) => fields[kind] !== undefined);
    if (given.length !== 1) reader.refuse(node, `a certificate is matched by one of ${MATCHES.join(', ')}`);
    for (const kind of given) {
      const value = reader.text(fields[kind], kind);
      if (value === undefined) continue;
      const [form, hint] = FORMS[kind];
      if (!form.test(value)) reader.refuse(fields[kind], `${kind} is ${hint}`);
      const other = matches.get(`${kind} ${value}`);
      if (other !== undefined) reader.refuse(fields[kind], `this ${kind} already stands for the client ${other.id}`);
      matches.set(`${kind} ${value}`, client);
    }
  }
};

const texts = (reader: YamlReader, list: Node | undefined, what: string, owner: Node): { value: string; at: Node }[] => {
  if (list === undefined) {
    reader.refuse(owner, `${what} is missing`);
    return [];
  }
  return reader.list(list, what).flatMap((at) => {
    const value = reader.text(at, `an entry of ${what}`);
    return value === undefined ? [] : [{ value, at }];
  });
};

const timeOf = (reader: YamlReader, node: Node | undefined, what: string): number | undefined => {
  if (node === undefined) return undefined;
  const value = isScalar(node) ? node.value : undefined;
  const ms =
    value instanceof Date ? value.getTime() : typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? reader.refuse(node, `${what} is a date or time such as 2027-01-31 or 2027-01-31T12:00:00Z`) : ms;
};
