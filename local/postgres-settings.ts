/** How PostgreSQL is run, on this machine and in its image alike. */

/** For initdb: scram from the first connection on, and an order of text that no update of the system changes. */
export const INITDB_OPTIONS: readonly string[] = [
  '--encoding=UTF8',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--locale=C',
  '--auth=scram-sha-256',
];

// Durable as shipped: what was acknowledged survives a power cut. The rest is sized for one machine that also runs everything else.
export const SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  max_connections: '100',
  shared_buffers: '256MB',
  effective_cache_size: '2GB',
  max_wal_size: '2GB',
  min_wal_size: '256MB',
  wal_buffers: '16MB',
  checkpoint_completion_target: '0.9',
  random_page_cost: '1.1',
  jit: 'off', // statements take microseconds; compiling them takes milliseconds
  track_io_timing: 'off',
  log_min_error_statement: 'panic', // a statement's text can hold patient data
  log_parameter_max_length_on_error: '0',
  log_checkpoints: 'off',
  log_timezone: 'UTC',
  timezone: 'UTC',
};

/** As arguments of `postgres`. */
export const asArguments = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
