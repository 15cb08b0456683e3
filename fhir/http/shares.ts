import { FhirError } from './outcome.ts';

export interface ShareLimits {
  /** Requests of all clients that are here at once: from their head to when their answer has been taken. */
  readonly requests: number;
  /** Places for what is worked on of one client's requests at once; further ones wait in line. */
  readonly working: number;
  /** Characters of answers to all clients that wait to be taken. */
  readonly answers: number;
}

/** What one request takes of its client's share. */
export interface Share {
  /** Resolves when so many places are free; to be asked for when its body is there. Throws 429 where too many answers wait to be taken. */
  readonly turn: (places: number) => Promise<void>;
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
  readonly line: { readonly places: number; readonly begin: () => void }[];
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
      let working = 0;
      let answers = 0;
      let isClosed = false;
      const pump = (): void => {
        for (let next = mine.line[0]; next !== undefined && mine.working + next.places <= limits.working; next = mine.line[0]) {
          mine.line.shift();
          mine.working += next.places;
          next.begin();
        }
      };
      const stopWorking = (): void => {
        mine.working -= working;
        working = 0;
        if (mine.line.length > 0) pump();
      };
      return {
        turn: async (places) => {
          if (working > 0) return;
          if (mine.line.length === 0 && mine.working + places <= limits.working) mine.working += places;
          else await new Promise<void>((begin) => mine.line.push({ places, begin }));
          working = places;
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
