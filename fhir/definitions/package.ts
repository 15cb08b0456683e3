/** FHIR packages: npm's .tgz with one resource per file. Source: https://hl7.org/fhir/packages.html */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export interface PackagedResource {
  readonly resourceType: string;
  readonly url: string;
  readonly version: string | undefined;
  /** CodeSystem.valueSet, read when it is asked for. */
  readonly valueSet: string | undefined;
  /** Of a StructureDefinition, what it is about: a resource type, for one. */
  readonly type?: string | undefined;
  /** Its path within the package. */
  readonly file: string;
  /** Parsed when it is asked for. */
  readonly resource: () => Readonly<Record<string, unknown>>;
}

export interface FhirPackage {
  readonly name: string;
  readonly version: string;
  readonly resources: readonly PackagedResource[];
}

const BLOCK = 512;
const MAX_UNZIPPED = 1 << 30;
const TYPES: ReadonlySet<string> = new Set(['StructureDefinition', 'ValueSet', 'CodeSystem', 'ConceptMap', 'SearchParameter']);

const fieldOf = (header: Buffer, from: number, length: number): string => {
  const end = header.indexOf(0, from);
  return header.toString('utf8', from, end === -1 || end > from + length ? from + length : end);
};

/** The files of a tar archive by their path, links and folders left out. */
export const readTar = (tar: Buffer): Map<string, Buffer> => {
  const files = new Map<string, Buffer>();
  let longName: string | undefined;
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0;) {
    const header = tar.subarray(at, at + BLOCK);
    const size = Number.parseInt(fieldOf(header, 124, 12).trim() || '0', 8);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error('its archive is damaged');
    const type = String.fromCharCode(header[156]!);
    const content = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length < size) throw new Error('its archive is cut short');
    const prefix = fieldOf(header, 345, 155);
    const name = longName ?? (prefix === '' ? fieldOf(header, 0, 100) : `${prefix}/${fieldOf(header, 0, 100)}`);
    longName = undefined;
    if (type === 'L') longName = fieldOf(content, 0, content.length);
    else if (type === 'x') longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(content.toString('utf8'))?.[1];
    else if (type === '0' || type === '\0') files.set(name, content);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
};

interface IndexEntry {
  readonly filename?: string;
  readonly resourceType?: string;
  readonly url?: string;
  readonly version?: string;
  readonly type?: string;
}

const parse = (bytes: Buffer): Readonly<Record<string, unknown>> => JSON.parse(bytes.toString('utf8')) as Readonly<Record<string, unknown>>;

/** The value of the first member of this name: to parse all code systems of a large package takes half a second, and they'd stay in memory. */
const valueSetIn = (content: Buffer): string | undefined => {
  const at = content.indexOf('"valueSet"');
  return at === -1 ? undefined : /^"valueSet"\s*:\s*"([^"\\]*)"/.exec(content.toString('utf8', at, at + 2000))?.[1];
};

/** The definitions of a package that this server has a use for; throws where it is none. */
export const readPackage = (tgz: Buffer): FhirPackage => {
  const files = readTar(gunzipSync(tgz, { maxOutputLength: MAX_UNZIPPED }));
  const manifest = files.get('package/package.json');
  if (manifest === undefined) throw new Error('it holds no package/package.json');
  const { name, version } = parse(manifest) as { name?: unknown; version?: unknown };
  const index = files.get('package/.index.json');
  // The index says what is in which file, so that none needs to be parsed before it is asked for.
  const entries: IndexEntry[] =
    index === undefined
      ? [...files].flatMap(([path, content]) => {
          const filename = /^package\/([^/]+\.json)$/.exec(path)?.[1];
          return filename === undefined || filename === 'package.json' ? [] : [{ ...(parse(content) as IndexEntry), filename }];
        })
      : ((parse(index) as { files?: IndexEntry[] }).files ?? []);
  const resources = entries.flatMap(({ filename, resourceType, url, version: own, type }): PackagedResource[] => {
    const content = files.get(`package/${filename}`);
    if (content === undefined || resourceType === undefined || url === undefined || !TYPES.has(resourceType)) return [];
    let parsed: Readonly<Record<string, unknown>> | undefined;
    return [
      {
        resourceType,
        url,
        version: own,
        type,
        get valueSet() {
          return resourceType === 'CodeSystem' ? valueSetIn(content) : undefined;
        },
        file: `package/${filename}`,
        resource: () => (parsed ??= parse(content)),
      },
    ];
  });
  return { name: String(name), version: String(version), resources };
};

const filesOf = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new Error(`couldn't read ${folder}, the folder of FHIR packages: give one that is there`, { cause });
  }
};

/** All packages of a folder, in the order of their names; throws naming the one that can't be read. */
export const readPackages = (folder: string): FhirPackage[] =>
  filesOf(folder)
    .filter((file) => file.endsWith('.tgz'))
    .sort()
    .map((file) => {
      try {
        return readPackage(readFileSync(join(folder, file)));
      } catch (cause) {
        throw new Error(`couldn't read the FHIR package ${file}: ${(cause as Error).message}`, { cause });
      }
    });
