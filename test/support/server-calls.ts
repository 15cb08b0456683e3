import postgres from 'postgres';
import type { Call } from '../../fhir/http/call.ts';
import { answer } from '../../fhir/interaction/answer.ts';
import { openServer } from '../../fhir/open-server.ts';
import type { Server } from '../../fhir/server.ts';
import { classify } from '../../proto/access/interaction.ts';
import { parseScopes } from '../../proto/access/scope.ts';
import { startPostgres } from './postgres.ts';

/** What a call came to, and what the trail says of it. */
export interface Asked {
  readonly status: number;
  readonly text: string;
  /** The body as JSON; undefined without one. */
  readonly json: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers of any shape
  /** The last event of this request; undefined where there is none. */
  readonly event: { readonly patients?: readonly string[]; readonly resource?: string; readonly query?: string } | undefined;
}

export interface AskOptions {
  readonly body?: object;
  readonly scopes?: readonly string[];
  readonly operations?: readonly string[];
  readonly lenient?: boolean;
}

export interface ServerCalls {
  readonly server: Server;
  readonly owner: postgres.Sql;
  /** `address` begins with a slash after the base and may have a query. */
  readonly ask: (method: string, address: string, options?: AskOptions) => Promise<Asked>;
  readonly close: () => Promise<void>;
}

export const BASE_URL = 'http://localhost/fhir';

/** A server without HTTP on a database of its own, asked as any client. */
export const startServerCalls = async (): Promise<ServerCalls> => {
  const cluster = await startPostgres();
  const database = await cluster.createDatabase();
  const opened = await openServer({ databaseUrl: database.appUrl, pool: 2, baseUrl: BASE_URL });
  const owner = postgres(database.ownerUrl, { max: 1 });
  let requests = 0;
  return {
    server: opened.server,
    owner,
    ask: async (method, address, { body: sent, scopes = ['system/*.cruds'], operations = ['*'], lenient = false } = {}) => {
      const requestId = `r${++requests}`;
      const [path = '', query = ''] = address.split('?', 2);
      const call: Call = {
        target: classify(method, path)!,
        identity: { client: 'test', fingerprint: undefined, requestId, scopes: parseScopes(scopes), operations: [...operations] },
        requestId,
        header: () => undefined,
        prefer: { return: undefined, lenient, respondAsync: false },
        isPost: method === 'POST',
        query,
        text: () => Promise.resolve(sent === undefined ? '' : JSON.stringify(sent)),
      };
      const { status, body } = await answer(opened.server, call, () => undefined);
      const text = body ?? '';
      const [row] = await owner<{ event: Asked['event'] }[]>`select body::jsonb as event from audit.event
        where body::jsonb->>'request' = ${requestId} order by seq desc limit 1`;
      return { status, text, json: text === '' ? undefined : JSON.parse(text), event: row?.event };
    },
    close: async () => {
      await owner.end();
      await opened.close();
      await database.drop();
      await cluster.stop();
    },
  };
};
