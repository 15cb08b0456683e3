import { numberArray, type Db, textArray } from '../../fhir/store/pool.ts';
import type { ClientRegistry } from './registry.ts';

export interface Publisher {
  /** Tells what each client may do from now on; tried again until it is told, or something newer is. */
  readonly publish: (registry: ClientRegistry) => void;
  readonly close: () => void;
}

// In one order, so that several gateways can't wait for each other in a ring.
const TELL = `with given as (
  select client, scopes, to_timestamp(until / 1000) as until from unnest($1::text[], $2::text[], $3::double precision[]) as g(client, scopes, until)),
gone as (delete from fhir.client_standing s where not exists (select from given where given.client = s.client))
insert into fhir.client_standing (client, scopes, until) select client, scopes, until from given order by client
on conflict (client) do update set scopes = excluded.scopes, until = excluded.until, told = now()`;

const FOREVER_MS = 253_402_300_799_000;
const RETRY_MS = 1000;

const tell = async (db: Db, { clients }: ClientRegistry): Promise<void> => {
  const active = [...clients.values()].filter(({ status }) => status === 'active');
  // The row without a name says when the registry was told.
  await db.unsafe(TELL, [
    textArray(['', ...active.map(({ id }) => id)]),
    textArray(['[]', ...active.map(({ scopes }) => JSON.stringify([...scopes]))]),
    numberArray([FOREVER_MS, ...active.map(({ notAfterMs }) => Math.min(notAfterMs, FOREVER_MS))]),
  ]);
};

/**
 * Lets the FHIR server know of a changed registry, for what goes on without a request: exports, and notifications of subscribers. Requests
 * carry what their client may do themselves.
 */
export const createPublisher = (db: Db | undefined, onFailed: (error: unknown) => void): Publisher => {
  let wanted: ClientRegistry | undefined;
  let timer: NodeJS.Timeout | undefined;
  const attempt = async (): Promise<void> => {
    const registry = wanted;
    if (db === undefined || registry === undefined) return;
    try {
      await tell(db, registry);
      if (wanted === registry) wanted = undefined;
    } catch (error) {
      onFailed(error);
    }
    if (wanted !== undefined) timer = setTimeout(() => void attempt(), RETRY_MS);
  };
  return {
    publish: (registry) => {
      const isIdle = wanted === undefined;
      wanted = registry;
      if (isIdle) void attempt();
    },
    close: () => {
      wanted = undefined;
      clearTimeout(timer);
    },
  };
};
