import type { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';

/** What may wait for a reader that doesn't read. */
const WAITING_BYTES = 1 << 20;

/**
 * A stream whose failures are nobody's: lines that can't be written (the disk is full, the reader is gone or slow) are dropped, and the
 * first line that can be is followed by how many were lost. The process serves on, and its end waits for none of them.
 */
const unfailing = (stream: Writable, onLost: (lines: number) => void): { write: (line: string) => void } => {
  let lost = 0;
  const written = (error: Error | null | undefined): void => {
    if (error) lost++;
    else if (lost > 0) {
      const lines = lost;
      lost = 0;
      onLost(lines);
    }
  };
  // Each failed write is told to `written`; the stream of a standard descriptor stays usable after it.
  stream.on('error', () => undefined);
  return {
    write: (line) => {
      if (stream.writableLength > WAITING_BYTES) lost++;
      else stream.write(line, written);
    },
  };
};

/** JSON lines on stdout: `msg` is constant, values are fields; LOG_LEVEL sets the level. A line that can't be written is dropped. */
export const createLog = (name: string): Logger => {
  const log: Logger = pino(
    {
      name,
      level: process.env['LOG_LEVEL'] ?? 'info',
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    unfailing(process.stdout, (lines) => log.warn({ lines }, 'log lines lost')),
  );
  return log;
};

export type { Logger };
