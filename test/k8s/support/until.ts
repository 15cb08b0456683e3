import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until there is an answer that isn't undefined or false; throws after `limitMs` with what was seen last. */
export const until = async <T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  { limitMs = 60_000, everyMs = 500 }: { readonly limitMs?: number; readonly everyMs?: number } = {},
): Promise<T> => {
  let fault = '';
  for (const end = performance.now() + limitMs; performance.now() < end; await sleep(everyMs)) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      fault = `: ${(error as Error).message.slice(0, 300)}`;
    }
  }
  throw new Error(`not within ${limitMs / 1000} s: ${what}${fault}`);
};

export const secondsSince = (startedAt: number): number => Math.round((performance.now() - startedAt) / 100) / 10;
