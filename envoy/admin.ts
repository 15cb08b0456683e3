/** Envoy's admin interface on its Unix socket. */
import { request } from 'node:http';

export interface Activity {
  readonly connections: number;
  readonly requests: number;
}

export interface Admin {
  /** Resolves with the text of the answer; rejects where there is no answer, or none in time, or one that isn't 200. */
  readonly post: (path: string) => Promise<string>;
  /** What clients have open at the edge. */
  readonly activity: () => Promise<Activity>;
}

const TIMEOUT_MS = 2000;

export const createAdmin = (socketPath: string): Admin => {
  const ask = (method: string, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const asked = request({ socketPath, method, path, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (text += part));
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(`Envoy answers ${response.statusCode} to ${method} ${path}`));
        });
      });
      asked.on('error', reject);
      asked.end();
    });
  return {
    post: (path) => ask('POST', path),
    activity: async () => activityOf(await ask('GET', `/stats?filter=${encodeURIComponent('^http\\.edge\\.downstream_(cx|rq)_active$')}`)),
  };
};

/** Throws where the statistics aren't there: nothing known is not nothing open. */
export const activityOf = (stats: string): Activity => {
  const value = (name: string): number => {
    const [, digits] = new RegExp(`^http\\.edge\\.${name}: (\\d+)$`, 'm').exec(stats) ?? [];
    if (digits === undefined) throw new Error(`Envoy has no statistic ${name}`);
    return Number(digits);
  };
  return { connections: value('downstream_cx_active'), requests: value('downstream_rq_active') };
};
