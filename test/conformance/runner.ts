import type { Answer, RequestOptions } from '../support/stack.ts';
import type { Area, Case, Step } from './case.ts';
import { at, faultsOf } from './check.ts';

export type Send = (path: string, options: RequestOptions) => Promise<Answer>;

/** Whom a case asks. */
export interface Asked {
  readonly baseUrl: string;
  readonly send: Send;
}

export interface CaseResult {
  readonly area: string;
  readonly name: string;
  /** Empty: passed. */
  readonly faults: readonly string[];
  readonly gap?: string | undefined;
}

type Saved = Map<string, string>;

const filled = (text: string, saved: Saved): string =>
  text.replaceAll(/\{([a-zA-Z]+)\}/g, (whole, name: string) => saved.get(name) ?? whole);

const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

const run = async ({ send: line, headers = {}, body, client, expect, save }: Step, send: Send, saved: Saved): Promise<string[]> => {
  const space = line.indexOf(' ');
  const [method, path] = [line.slice(0, space), filled(line.slice(space + 1), saved)];
  const content = body === undefined ? undefined : filled(typeof body === 'string' ? body : JSON.stringify(body), saved);
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, filled(value, saved)]));
  const answer = await send(path === '/' ? '' : path.replace(/ /g, '%20').replace(/\|/g, '%7C'), {
    method,
    headers: { ...(BODILESS.has(method) && body === undefined ? {} : { 'content-type': 'application/fhir+json' }), ...given },
    ...(content !== undefined && { body: content }),
    ...(client !== undefined && { client }),
  });
  const faults = expect === undefined ? [] : faultsOf(answer, expect);
  for (const [name, from] of Object.entries(save ?? {})) {
    const value = from.startsWith('header:') ? answer.headers[from.slice(7)] : at(answer.json, from);
    if (value === undefined) faults.push(`nothing at ${from} to go on with (status ${answer.status})`);
    else saved.set(name, String(value));
  }
  return faults.map((fault) => `${line}: ${fault}`);
};

const runCase = async ({ name, steps, gap }: Case, area: string, { send, baseUrl }: Asked): Promise<CaseResult> => {
  const saved: Saved = new Map([['base', baseUrl]]);
  for (const step of steps) {
    let faults: string[];
    try {
      faults = await run(step, send, saved);
    } catch (error) {
      faults = [`${step.send}: ${(error as Error).message}`];
    }
    if (faults.length > 0) return { area, name, faults, gap };
  }
  return { area, name, faults: [], gap };
};

/** Runs an area's cases one after the other, in the order in which they stand. */
export const runArea = async ({ area, given = [], cases }: Area, { send, baseUrl }: Asked): Promise<CaseResult[]> => {
  const results: CaseResult[] = [];
  for (const resource of given) {
    const { resourceType, id } = resource as { resourceType: string; id: string };
    const { status, text } = await send(`/${resourceType}/${id}`, { method: 'PUT', body: resource });
    if (status !== 200 && status !== 201)
      results.push({ area, name: `given ${resourceType}/${id}`, faults: [`it is refused with ${status}: ${text.slice(0, 300)}`] });
  }
  for (const each of cases) results.push(await runCase(each, area, { send, baseUrl }));
  return results;
};
