/** What each image holds and how it starts: the one table that the root folders, the Dockerfiles and the tests go by. */

/** Programs that don't come from this repository's code. */
export type Program = 'envoy' | 'postgres' | 'valkey';

export interface Component {
  readonly name: string;
  readonly dockerfile: string;
  /** Files that Node starts; what they import and the data that they name by URL come along. */
  readonly entries: readonly [string, ...string[]];
  /** Files and folders that the code finds by a computed name, which no reader of the code can see. */
  readonly data: readonly string[];
  readonly programs: readonly Program[];
  readonly command: readonly [string, string];
  /** Folders that a volume is usually mounted at. */
  readonly mountPoints: readonly string[];
}

export const NODE = '/usr/local/bin/node';
export const APP = '/app';
/** Nobody's number on any system: what "nonroot" means in images. */
export const USER_ID = 65532;
export const USER = `${USER_ID}:${USER_ID}`;
export const STOP_SIGNAL = 'SIGTERM';

const ENVOY_TEMPLATES = ['envoy/bootstrap.yaml', 'envoy/sds'];

const of = (name: string, dockerfile: string, entries: Component['entries'], more: Partial<Component> = {}): Component => ({
  name,
  dockerfile,
  entries,
  data: [],
  programs: [],
  mountPoints: [],
  command: [NODE, entries[0]],
  ...more,
});

export const COMPONENTS: readonly Component[] = [
  of('envoy', 'envoy/Dockerfile', ['envoy/main.ts', 'envoy/drain.ts'], {
    data: ENVOY_TEMPLATES,
    programs: ['envoy'],
  }),
  // The second says, inside of a pod too, what a configuration means.
  of('gateway', 'gateway/Dockerfile', ['gateway/main.ts', 'gateway/cli.ts']),
  of('fhir', 'fhir/Dockerfile', ['fhir/main.ts']),
  of('relay', 'fhir/audit/Dockerfile', ['fhir/audit/main.ts']),
  of('migrate', 'fhir/store/Dockerfile', ['fhir/store/migrate.ts']),
  // For evaluation only: one server without a copy of its data.
  of('postgres', 'local/image/postgres.Dockerfile', ['local/image/postgres.ts', 'local/image/initdb-shell.ts'], {
    programs: ['postgres'],
    mountPoints: ['/var/lib/postgresql'],
  }),
  of('valkey', 'local/image/valkey.Dockerfile', ['local/image/valkey.ts'], { programs: ['valkey'], mountPoints: ['/data'] }),
];
