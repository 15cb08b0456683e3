import { type Logger, pino } from 'pino';

/** JSON lines on stdout: `msg` is constant, values are fields; LOG_LEVEL sets the level. */
export const createLog = (name: string): Logger =>
  pino({
    name,
    level: process.env['LOG_LEVEL'] ?? 'info',
    base: { pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
  });

export type { Logger };
