import type { OtherParameter } from './definition.ts';

/** What requests know of the search parameters that clients have written. */
export interface AddedParameters {
  /** Another one whenever what can be searched by has changed. */
  readonly version: number;
  /** Indexed, or being so. */
  readonly others: () => readonly OtherParameter[];
}
