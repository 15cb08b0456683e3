import { FhirError } from './outcome.ts';

export type Lane = 'quick' | 'slow';

export interface ShareLimits {
  /** Requests of all clients that are here at once: from their head to when their answer has been taken. */
  readonly requests: number;
  /** Places for what is worked on of one client's requests at once; further ones wait in line: those that may take long in one of their own. */
  readonly working: Readonly<Record<Lane, number>>;
  /** Characters of answers to all clients that wait to be taken. */
  readonly answers: number;
}

/** What one request takes of its client's share. */
export interface Share {
  /** Resolves when so many places are free, or all of them; to be asked for when its body is there. Throws 429 where too many answers wait to be taken. */
  readonly turn: (lane: Lane, wanted: number) => Promise<void>;
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
  answers: number;
  readonly quick: Line;
  readonly slow: Line;
}

interface Line {
  working: number;
  readonly waiting: { readonly places: number; readonly begin: () => void }[];
}

const nothing = (): Held => ({ requests: 0, answers: 0, quick: { working: 0, waiting: [] }, slow: { working: 0, waiting: [] } });

/** Gives places to those who wait, in order: nobody overtakes. */
const pump = (line: Line, limit: number): void => {
  for (let next = line.waiting[0]; next !== undefined && line.working + next.places <= limit; next = line.waiting[0]) {
    line.waiting.shift();
    line.working += next.places;
    next.begin();
  }
};

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
      let stopWorking: (() => void) | undefined;
      let answers = 0;
      let isClosed = false;
      return {
        turn: async (lane, wanted) => {
          if (stopWorking !== undefined) return;
          const line = mine[lane];
          const limit = limits.working[lane];
          const places = Math.min(wanted, limit);
          if (line.waiting.length === 0 && line.working + places <= limit) line.working += places;
          else await new Promise<void>((begin) => line.waiting.push({ places, begin }));
          stopWorking = () => {
            line.working -= places;
            pump(line, limit);
          };
          if (hasTooMuch(mine, 'answers')) {
            const says = `the client ${client} hasn't taken answers that it has asked for: read them before you ask for more`;
            throw new FhirError('throttled', says, { headers: { 'retry-after': '1' } });
          }
        },
        answered: (characters) => {
          stopWorking?.();
          stopWorking = undefined;
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
          if (mine.requests === 0 && mine.quick.working + mine.slow.working === 0) clients.delete(client);
        },
      };
    },
  };
};
