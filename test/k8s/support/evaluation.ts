import type { Manifest } from './cluster.ts';
import type { Credentials } from './client-pod.ts';
import type { Release } from './release.ts';

/** A client's certificate that mode evaluation has made. */
export const evaluationClient = async (release: Release, id = 'ehr-demo'): Promise<Credentials> => {
  const { data } = (await release.space.get('secret', release.object(`client-${id}`))) as Manifest;
  const text = (key: string): string => Buffer.from(data[key] as string, 'base64').toString();
  return { 'ca.crt': text('ca.crt'), 'tls.crt': text('tls.crt'), 'tls.key': text('tls.key') };
};
