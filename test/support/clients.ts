import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type Stack } from './stack.ts';

/** Registers one more client of a stack, with a certificate, and waits until the gateway knows it. */
export const addClient = async (
  { system, request }: Stack,
  id: string,
  { scopes, operations = [] }: { readonly scopes: readonly string[]; readonly operations?: readonly string[] },
): Promise<void> => {
  await system.authority.issueClient(id);
  const file = join(system.state.configDir, 'clients.yaml');
  const stanza = `  - id: ${id}
    certificates:
      - spiffe: spiffe://portcullis.local/client/${id}
    scopes: [${scopes.join(', ')}]
    operations: [${operations.map((each) => `'${each}'`).join(', ')}]
    tier: trusted
`;
  writeFileSync(file, readFileSync(file, 'utf8') + stanza);
  await eventually(`${id} is known`, async () => (await request('/metadata', { client: id })).status === 200);
};
