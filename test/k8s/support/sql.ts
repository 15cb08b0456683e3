/** Asks the database from a pod of the FHIR server, which is allowed to go there, as the database's owner. */
import { NODE } from './client-pod.ts';
import type { Release } from './release.ts';

const SCRIPT = `
import { text } from 'node:stream/consumers';
import postgres from 'postgres';
import { databaseConnection } from '/app/fhir/store/database-address.ts';
const { password, statement } = JSON.parse(await text(process.stdin));
const { address, ...where } = databaseConnection(process.env.DATABASE_URL);
const sql = postgres(address, { max: 1, ...where, username: 'postgres', password });
process.stdout.write(JSON.stringify(await sql.unsafe(statement)), () => process.exit(0));
`;

export const query = async <T>(release: Release, password: string, statement: string): Promise<readonly T[]> => {
  const [pod] = (await release.pods('fhir')).filter(({ isReady }) => isReady);
  if (pod === undefined) throw new Error('no FHIR server is ready to ask the database from');
  const input = JSON.stringify({ password, statement });
  return JSON.parse(await release.space.exec(pod.name, 'fhir', [NODE, '--input-type=module', '-e', SCRIPT], input)) as T[];
};
