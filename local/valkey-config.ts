/** How Valkey is run, on this machine and in its image alike. */
export interface ValkeySettings {
  /** Addresses to listen on. */
  readonly bind: string;
  readonly port: number;
  /** Of the one user; letters, digits, _ and - (a line of the configuration holds it). */
  readonly password: string;
  /** Where the snapshot of the counters lies. */
  readonly dir: string;
}

/** The configuration file's text. A snapshot once a minute keeps long quota windows over a restart. */
export const valkeyConfig = ({ bind, port, password, dir }: ValkeySettings): string =>
  [
    `bind ${bind}`,
    `port ${port}`,
    `requirepass ${password}`,
    `dir "${dir}"`,
    'dbfilename counters.rdb',
    'save 60 1',
    'appendonly no',
    'maxmemory 256mb',
    'maxmemory-policy volatile-ttl',
    'daemonize no',
    'stop-writes-on-bgsave-error no', // a full disk must not stop the counting
    '',
  ].join('\n');
