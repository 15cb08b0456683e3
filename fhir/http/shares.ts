import { FhirError } from './outcome.ts';

export interface ShareLimits {
  /** Requests of all clients that are here at once: from their head to when their answer has been taken. */
  readonly requests: number;
  /** Requests of one client that are worked on at once; further ones wait in line. */
  readonly working: number;
  /** Characters of answers to all clients that wait to be taken. */
  readonly answers: number;
}

/** What one request takes of its client's share. */
export interface Share {
  /** Resolves when it may be worked on; to be asked for when its body is there. Throws 429 where too many answers wait to be taken. */
  readonly turn: () => Promise<void>;
  /** Its work is done, and so many characters of answer wait to be taken. */
  readonly answered: (characters: number) => void;
  /** Its answer has been taken, or nobody is there any more to take it. */
  readonly close: () => void;
}

export interface Shares {
  /** Throws 429 where the client has too many requests here already. */
  readonly enter: (client: string) => Share;
}

interface Held {
  requests: number;
  working: number;
  answers: number;
  readonly line: (() => void)[];
}

const nothing = (): Held => ({ requests: 0, working: 0, answers: 0, line: [] });

/**
 * One client, whether it sends its bodies slowly, takes its answers slowly or asks too much at once, leaves the others room: it may hold as
 * much as is free, so half when it is alone, a third beside one that does the same. Who holds nothing always comes in.
 */
export const createShares = (limits: ShareLimits): Shares => {
  const clients = new Map<string, Held>();
  const all = nothing();
  const hasTooMuch = (mine: Held, what: 'requests' | 'answers'): boolean => mine[what] > 0 && mine[what] >= limits[what] - all[what];

  return {
    enter: (client) => {
      const mine = clients.get(client) ?? nothing();
      if (hasTooMuch(mine, 'requests')) {
        const says = `${mine.requests} requests of the client ${client} are unanswered: send fewer at once, and their bodies without a pause`;
        throw new FhirError('throttled', says, { headers: { 'retry-after': '1' } });
      }
      clients.set(client, mine);
      mine.requests++;
      all.requests++;
      let isWorking = false;
      let answers = 0;
      let isClosed = false;
      const stopWorking = (): void => {
        if (!isWorking) return;
        isWorking = false;
        // Who waits takes the place over, so that nobody overtakes.
        const next = mine.line.shift();
        if (next === undefined) mine.working--;
        else next();
      };
      return {
        turn: async () => {
          if (isWorking) return;
          if (mine.working < limits.working) mine.working++;
          else await new Promise<void>((resolve) => mine.line.push(resolve));
          isWorking = true;
          if (hasTooMuch(mine, 'answers')) {
            const says = `the client ${client} hasn't taken answers that it has asked for: read them before you ask for more`;
            throw new FhirError('throttled', says, { headers: { 'retry-after': '1' } });
          }
        },
        answered: (characters) => {
          stopWorking();
          if (isClosed) return;
          answers += characters;
          mine.answers += characters;
          all.answers += characters;
        },
        close: () => {
          if (isClosed) return;
          isClosed = true;
          mine.answers -= answers;
          all.answers -= answers;
          mine.requests--;
          all.requests--;
          if (mine.requests === 0 && mine.working === 0) clients.delete(client);
        },
      };
    },
  };
};
