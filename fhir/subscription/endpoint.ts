/** Where notifications may be sent: nowhere but where the operator allows, so that nobody reaches through this server what it can't itself. */

/** Whether a Subscription's endpoint may be sent to. */
export type EndpointCheck = (endpoint: string) => boolean;

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

const parse = (text: string): URL | undefined => {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
};

const withoutSlash = (path: string): string => path.replace(/\/+$/, '');

/**
 * An endpoint is allowed where it has the origin of an entry and a path at or below the entry's. Entries are https addresses, or http ones
 * of this machine. Throws an Error naming the entry that is none.
 */
export const createEndpointCheck = (entries: readonly string[]): EndpointCheck => {
  const allowed = entries.map((entry) => {
    const url = parse(entry);
    const isSafe = url !== undefined && (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname)));
    if (!isSafe || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      throw new Error(`"${entry.slice(0, 100)}" can't be an endpoint of subscriptions: write https://host/path, http only for localhost`);
    }
    return { origin: url.origin, path: withoutSlash(url.pathname) };
  });
  return (endpoint) => {
    const url = parse(endpoint);
    if (url === undefined || url.username !== '' || url.password !== '' || url.hash !== '') return false;
    return allowed.some(({ origin, path }) => url.origin === origin && (url.pathname === path || url.pathname.startsWith(`${path}/`)));
  };
};
