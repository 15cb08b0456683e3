import { parseArgs } from 'node:util';
import type { AuditFields } from '../event.ts';
import { verifyLog } from '../verify/verify-log.ts';
import { AUDITOR_OPTIONS, openAuditorBucket, openVerifierKey } from './auditor-files.ts';

const DAY_MS = 86_400_000;

/** A day or an exact time in milliseconds, that of a day being its start, and of `--to` its end: the day that is named is looked at. */
const timeOf = (name: 'from' | 'to', text: string | undefined, fallback: number): number => {
  if (text === undefined) return fallback;
  const time = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new Error(`--${name} ${text} is no date: give 2026-01-31 or 2026-01-31T12:00:00Z`);
  return name === 'to' && text.length === 10 ? time + DAY_MS : time;
};

/** What an event is about, as its address was: `Patient/1/$everything`, `Observation?code=*`, the file of an export. */
const subjectOf = ({ resource, address, query, job }: AuditFields): string =>
  `${[address ?? resource ?? '', ...(job?.file === undefined ? [] : [job.file])].join('/')}${query === undefined || query === '' ? '' : `?${query}`}`;

/** Who was shown, or has written, what concerns one patient: `disclosures --patient Patient/1 [--from DATE] [--to DATE]`, in the log's order. */
export const disclosures = async (args: string[]): Promise<boolean> => {
  const { values } = parseArgs({
    args,
    options: { ...AUDITOR_OPTIONS, patient: { type: 'string' }, from: { type: 'string' }, to: { type: 'string' } },
  });
  const { patient } = values;
  if (patient === undefined || !/^Patient\/[A-Za-z0-9\-.]{1,64}$/.test(patient)) throw new Error('whose? Give --patient Patient/ID');
  const from = timeOf('from', values.from, -Infinity);
  const to = timeOf('to', values.to, Infinity);
  const begin = JSON.stringify(patient).slice(0, -1);
  const isAbout = ({ resource, address, patients }: AuditFields): boolean =>
    resource === patient || patients?.includes(patient) === true || address === patient || address?.startsWith(`${patient}/`) === true;
  // What a file of an export holds is said when it is written; who fetches it later is told of it by its name alone.
  const files = new Set<string>();
  const fileOf = ({ job }: AuditFields): string | undefined => (job?.file === undefined ? undefined : `${job.id}/${job.file}`);
  let found = 0;
  let unnamed = 0;
  const onLine = (line: string): void => {
    // Most lines are of others: they needn't be parsed.
    const isNamed = line.includes(begin) || line.includes('"patientCount":');
    if (!isNamed && !(files.size > 0 && line.includes('"interaction":"job-file"'))) return;
    const { event } = JSON.parse(Buffer.from(line, 'latin1').toString()) as { event?: AuditFields };
    if (event === undefined) return;
    const file = fileOf(event);
    const isFetched = event.interaction === 'job-file' && file !== undefined && files.has(file);
    const isFound = isFetched || isAbout(event);
    if (isFound && file !== undefined) files.add(file);
    const at = Date.parse(event.at);
    if (at < from || at >= to) return;
    if (!isFound) {
      if (event.patientCount !== undefined) unnamed++;
      return;
    }
    found++;
    console.log([event.at, event.client, event.interaction, subjectOf(event), event.status, event.id].join('\t'));
  };
  const log = { bucket: await openAuditorBucket(values.bucket), key: openVerifierKey(values.key) };
  console.log(['time', 'client', 'interaction', 'resource or search', 'status', 'event'].join('\t'));
  const { problems } = await verifyLog({ ...log, onLine });
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
