import { parseArgs } from 'node:util';

/** What the command line of `npm run load` asks for. */
export interface LoadArguments {
  readonly files: readonly string[];
  readonly data: string;
  readonly concurrency: number;
  readonly again: boolean;
  readonly base?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
}

export const USAGE = `npm run load -- FILES…

Loads transaction and batch Bundles (.json, .json.gz, or folders of them), hospitals and practitioners first.
A repeated command skips the files that this server has already stored.

  --data DIR         where npm start keeps its data: state.json, certificates, journal (default .portcullis)
  --base URL         FHIR base URL (default: baseUrl of state.json)
  --cert, --key, --ca FILE   client certificate, its key, and the server's CA (default: ehr-demo's, made by npm start)
  --concurrency N    Bundles under way at once, 1 to 16 (default 4)
  --again            send every file, also those already stored
`;

/** Reads the command line; throws an Error that says what is wrong with it. */
export const parseLoadArguments = (argv: readonly string[]): LoadArguments => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      data: { type: 'string', default: '.portcullis' },
      base: { type: 'string' },
      cert: { type: 'string' },
      key: { type: 'string' },
      ca: { type: 'string' },
      concurrency: { type: 'string', default: '4' },
      again: { type: 'boolean', default: false },
    },
  });
  const concurrency = Number(values.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 16) {
    throw new Error(`--concurrency must be a whole number from 1 to 16, not ${values.concurrency}`);
  }
  if ((values.cert === undefined) !== (values.key === undefined)) throw new Error('--cert and --key belong together: give both or neither');
  if (positionals.length === 0) throw new Error('no files named');
  return { ...values, concurrency, files: positionals };
};
