import { gzipSync } from 'node:zlib';

const entry = (path: string, content: string): Buffer => {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write('0000644\0', 100);
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\0', 257);
  header.write('00', 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
};

export interface PackageOptions {
  readonly withIndex?: boolean;
}

/** A FHIR package (.tgz) of some resources, as IG publishers make it. */
export const fhirPackage = (name: string, resources: readonly object[], { withIndex = true }: PackageOptions = {}): Buffer => {
  const files = resources.map((resource, i) => ({ filename: `r${i}.json`, resource }));
  const index = { 'index-version': 1, files: files.map(({ filename, resource }) => ({ filename, ...resource })) };
  return gzipSync(
    Buffer.concat([
      entry('package/package.json', JSON.stringify({ name, version: '1.0.0', fhirVersions: ['4.0.1'] })),
      ...(withIndex ? [entry('package/.index.json', JSON.stringify(index))] : []),
      ...files.map(({ filename, resource }) => entry(`package/${filename}`, JSON.stringify(resource))),
      Buffer.alloc(1024),
    ]),
  );
};
