/** The start and the end of what a write's event says of its resource; in an event nothing else can read so (quotes in values are escaped). */
const WRITE = '"kind":"write"';
const VERSIONED = /,"outcome":0,.*,"resource":"([^"]+)","version":(\d+)[,}]/;

export interface VersionGap {
  readonly resource: string;
  readonly missing: number;
  /** A later version, and when it was recorded. */
  readonly later: number;
  readonly recorded: string;
}

/** Versions that came before their predecessors, and when. */
interface Seen {
  readonly early: Map<number, string>;
}

export interface VersionCheck {
  /** Takes a line; returns what is wrong with it. */
  add(line: string, recorded: string): string | undefined;
  /** Versions without an event below others that have one. */
  gaps(): VersionGap[];
  readonly resources: () => number;
}

/**
 * Each version of each resource has exactly one event, from 1 on. The log's order is by transaction number, in which a transaction that
 * began early and waited for another comes before it: so a version may be seen before its predecessor.
 */
export const createVersionCheck = (): VersionCheck => {
  const complete = new Map<string, number>();
  const open = new Map<string, Seen>();
  return {
    add: (line, recorded) => {
      if (!line.includes(WRITE)) return undefined;
      const [, resource, text] = VERSIONED.exec(line) ?? [];
      if (resource === undefined) return undefined;
      const version = Number(text);
      const upTo = complete.get(resource) ?? 0;
      const seen = open.get(resource);
      if (version <= upTo || seen?.early.has(version)) return `version ${version} of ${resource} has two events`;
      if (version !== upTo + 1) {
        if (seen === undefined) open.set(resource, { early: new Map([[version, recorded]]) });
        else seen.early.set(version, recorded);
        return undefined;
      }
      let last = version;
      while (seen?.early.delete(last + 1)) last++;
      complete.set(resource, last);
      if (seen?.early.size === 0) open.delete(resource);
      return undefined;
    },
    gaps: () =>
      [...open].map(([resource, { early }]) => {
        const later = Math.min(...early.keys());
        return { resource, missing: (complete.get(resource) ?? 0) + 1, later, recorded: early.get(later)! };
      }),
    resources: () => complete.size,
  };
};
