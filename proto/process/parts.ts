/** The state of a process in words, for operators: what of it works, what doesn't, and why. */

export type PartStatus = 'ok' | 'degraded' | 'unavailable';

/** Fields beside the status are details; never anything that a client sent. */
export interface Part {
  readonly status: PartStatus;
  readonly [detail: string]: unknown;
}

export interface ProcessHealth {
  readonly status: PartStatus;
  readonly parts: Readonly<Record<string, Part>>;
}

const RANK: Readonly<Record<PartStatus, number>> = { ok: 0, degraded: 1, unavailable: 2 };

/** A process is as well as the worst of its parts. */
export const healthOf = (parts: Readonly<Record<string, Part>>): ProcessHealth => ({
  status: Object.values(parts).reduce<PartStatus>((worst, { status }) => (RANK[status] > RANK[worst] ? status : worst), 'ok'),
  parts,
});
