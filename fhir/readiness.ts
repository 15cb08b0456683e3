/** Whether work may be given to this process, and what it says of itself. */
import { createHealthState, type HealthState } from '../proto/process/health.ts';
import { healthOf, type ProcessHealth } from '../proto/process/parts.ts';

export interface Readiness {
  readonly health: HealthState;
  readonly isReady: () => boolean;
  readonly isDatabaseUp: () => boolean;
  /** The database answers, or doesn't any more. */
  readonly databaseIs: (up: boolean) => void;
  /** Why nothing is served yet; undefined once it is. */
  readonly waitsFor: (reason: string | undefined) => void;
  /** For good. */
  readonly drain: () => void;
  readonly describe: () => ProcessHealth;
}

/** Ready: opened, with a database that answers, and not on the way out. */
export const createReadiness = (): Readiness => {
  const health = createHealthState(['fhir'], false);
  let waitingFor: string | undefined = 'the start';
  let databaseUp = false;
  let isDraining = false;
  const isReady = (): boolean => waitingFor === undefined && databaseUp && !isDraining;
  const tell = (): void => health.set('fhir', isReady());
  return {
    health,
    isReady,
    isDatabaseUp: () => databaseUp,
    databaseIs: (up) => {
      databaseUp = up;
      tell();
    },
    waitsFor: (reason) => {
      waitingFor = reason;
      tell();
    },
    drain: () => {
      isDraining = true;
      health.shutdown();
    },
    describe: () =>
      healthOf({
        process: { status: isDraining ? 'unavailable' : 'ok', draining: isDraining },
        database: { status: databaseUp ? 'ok' : 'unavailable' },
        schema: waitingFor === undefined ? { status: 'ok' } : { status: 'unavailable', waitsFor: waitingFor },
      }),
  };
};
