/** What /metadata says is served: each search parameter and each operation of each type is asked for. */
import type { Answer } from '../support/stack.ts';
import type { CaseResult, Send } from './runner.ts';

interface Named {
  readonly name: string;
  readonly type: string;
}
interface Offer {
  readonly type?: string;
  readonly searchParam: readonly Named[];
  readonly operation?: readonly Named[];
}

const AREA = 'capabilities';
const AT_ONCE = 4;
/** A value that each type of parameter takes; composite and special parameters have forms of their own. */
const VALUE: Readonly<Record<string, string>> = {
  string: 'x',
  token: 'x',
  date: '2020',
  number: '1',
  quantity: '1',
  reference: 'http://example.org/x',
  uri: 'http://example.org/x',
};

const told = ({ status, text }: Answer): string => `answers ${status}: ${text.slice(0, 200)}`;

const searchFaults = async ({ type, searchParam }: Offer, send: Send): Promise<string[]> => {
  const faults: string[] = [];
  for (const parameter of searchParam) {
    const value = VALUE[parameter.type];
    if (value === undefined) continue;
    const path = `/${type ?? ''}?${parameter.name}=${value}&_count=1`;
    const answer = await send(path, {});
    if (answer.status !== 200) faults.push(`${path} ${told(answer)}`);
  }
  return faults;
};

/** An operation without its parameters may be refused, but it has to be there. */
const operationFaults = async ({ type, operation = [] }: Offer, send: Send): Promise<string[]> => {
  const faults: string[] = [];
  for (const { name } of operation.filter((each) => each.name !== 'export' && each.name !== 'import')) {
    const places = type === undefined ? [''] : [`/${type}`, `/${type}/none`];
    const answers = await Promise.all(places.map((at) => send(`${at}/$${name}`, { method: 'POST', body: { resourceType: 'Parameters' } })));
    if (!answers.some(({ status, text }) => status < 500 && !text.includes('is not offered here')))
      faults.push(`$${name} of ${type ?? 'the system'} ${told(answers[0]!)}`);
  }
  return faults;
};

export const runCapabilities = async (send: Send): Promise<CaseResult[]> => {
  const statement = await send('/metadata', {});
  const checked = await send('/CapabilityStatement/$validate', { method: 'POST', body: statement.text });
  const wrong = (checked.json?.issue ?? []).filter(({ severity }: { severity: string }) => severity === 'error' || severity === 'fatal');
  const results: CaseResult[] = [
    { area: AREA, name: 'it is a valid CapabilityStatement', faults: wrong.length === 0 && checked.status === 200 ? [] : [told(checked)] },
  ];
  const { resource, ...system } = statement.json.rest[0] as Offer & { readonly resource: readonly Offer[] };
  const queue = [system, ...resource].values();
  const work = async (): Promise<void> => {
    for (const offer of queue) {
      const faults = [...(await searchFaults(offer, send)), ...(await operationFaults(offer, send))];
      results.push({ area: AREA, name: offer.type ?? 'the system', faults });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
};
