/** What a case is given and gives. */
import type { Cluster } from './support/cluster.ts';
import type { Images } from './support/images.ts';

export interface Row {
  readonly what: string;
  readonly value: string;
}

export interface Context {
  readonly cluster: Cluster;
  readonly images: Images;
  /** A folder of this run that is removed at its end. */
  readonly work: string;
  /** Counts and prints one statement; `seen` is printed where it doesn't hold. */
  readonly check: (statement: string, holds: boolean, seen?: unknown) => void;
  /** Says what of the case was not done, and why. */
  readonly skip: (what: string, why: string) => void;
  /** A line of the report. */
  readonly measured: (what: string, value: string) => void;
  readonly say: (text: string) => void;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  readonly run: (context: Context) => Promise<void>;
}
