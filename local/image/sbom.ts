/** The list of what an image holds, as CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/ */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Lock } from './package-closure.ts';

export interface Part {
  readonly name: string;
  readonly version: string;
  /** Where it comes from: npm or pypi; undefined for what has no package registry. */
  readonly registry: 'npm' | 'pypi';
}

const hex = (bytes: Buffer, algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');

const fromPart = ({ name, version, registry }: Part): object => ({
  type: 'application',
  name,
  version,
  purl: `pkg:${registry}/${name.replace('@', '%40')}@${version}`,
});

const fromPackage = (lock: Lock, path: string): object => {
  const { version = '', license, integrity } = lock[path]!;
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const [, digest] = /^sha512-(.+)$/.exec(integrity ?? '') ?? [];
  return {
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    // Some packages say it in words that are no SPDX expression.
    ...(license !== undefined && {
      licenses: /^[\w.+-]+$/.test(license) ? [{ license: { id: license } }] : [{ license: { name: license } }],
    }),
    ...(digest !== undefined && { hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }] }),
  };
};

/** A library of the system that the image was built on: its bytes say which one it is. */
const fromLibrary = (source: string): object => ({
  type: 'file',
  name: basename(source),
  hashes: [{ alg: 'SHA-256', content: hex(readFileSync(source), 'sha256') }],
});

/** Without a time and a serial number, so that the same content gives the same file. */
export const sbom = (
  image: { readonly name: string; readonly version: string },
  content: {
    readonly parts: readonly Part[];
    readonly lock: Lock;
    readonly packages: readonly string[];
    readonly libraries: readonly string[];
  },
): string =>
  `${JSON.stringify(
    {
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      version: 1,
      metadata: { component: { type: 'container', ...image } },
      components: [
        ...content.parts.map(fromPart),
        ...content.packages.map((path) => fromPackage(content.lock, path)),
        ...content.libraries.map(fromLibrary),
      ],
    },
    null,
    1,
  )}\n`;
