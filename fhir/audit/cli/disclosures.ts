import { parseArgs } from 'node:util';
import type { AuditFields } from '../event.ts';
import { verifyLog } from '../verify/verify-log.ts';
import { AUDITOR_OPTIONS, openAuditorBucket, openVerifierKey } from './auditor-files.ts';

/** Start of a day or an exact time, in milliseconds. */
const timeOf = (name: string, text: string | undefined, fallback: number): number => {
  if (text === undefined) return fallback;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`--${name} ${text} is no date: give 2026-01-31 or 2026-01-31T12:00:00Z`);
  return time;
};

/** Who was shown, or has written, what concerns one patient: `disclosures --patient Patient/1 [--from DATE] [--to DATE]`, oldest first. */
export const disclosures = async (args: string[]): Promise<boolean> => {
  const { values } = parseArgs({
    args,
    options: { ...AUDITOR_OPTIONS, patient: { type: 'string' }, from: { type: 'string' }, to: { type: 'string' } },
  });
  const { patient } = values;
  if (patient === undefined || !/^Patient\/[A-Za-z0-9\-.]{1,64}$/.test(patient)) throw new Error('whose? Give --patient Patient/ID');
  const from = timeOf('from', values.from, -Infinity);
  const to = timeOf('to', values.to, Infinity);
  const quoted = JSON.stringify(patient);
  let found = 0;
  let unnamed = 0;
  const onLine = (line: string): void => {
    // Most lines are of others: they needn't be parsed.
    if (!line.includes(quoted)) {
      if (line.includes('"patientCount":')) unnamed++;
      return;
    }
    const { event } = JSON.parse(Buffer.from(line, 'latin1').toString()) as { event?: AuditFields };
    if (event === undefined || (event.resource !== patient && !event.patients?.includes(patient))) return;
    const at = Date.parse(event.at);
    if (at < from || at >= to) return;
    found++;
    console.log([event.at, event.client, event.interaction, event.resource ?? event.query ?? '', event.status, event.id].join('\t'));
  };
  console.log(['time', 'client', 'interaction', 'resource or search', 'status', 'event'].join('\t'));
  const { problems } = await verifyLog({ bucket: await openAuditorBucket(values.bucket), key: openVerifierKey(values.key), onLine });
  console.log(`\n${found} events concern ${patient}.`);
  if (unnamed > 0)
    console.log(
      `${unnamed} further events are about more patients than an event names (patientCount): look at the resources that they are about.`,
    );
  for (const problem of problems.slice(0, 5)) console.log(`PROBLEM  ${problem}`);
  console.log(
    problems.length === 0 ? 'The log that they are from is verified.' : 'The log is NOT VERIFIED: this list may be incomplete or wrong.',
  );
  return problems.length === 0;
};
