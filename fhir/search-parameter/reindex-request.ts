/** Jobs of the kind `reindex`, which the server begins itself. */

/** To make the rows of a new definition for all resources there are. */
export interface ScanRequest {
  readonly kind: 'scan';
  readonly rid: number;
  readonly generation: number;
}

/** To remove the rows of a definition that is in no plan from `version` on. */
export interface RemoveRequest {
  readonly kind: 'remove';
  readonly generation: number;
  readonly version: number;
}

export type ReindexRequest = ScanRequest | RemoveRequest;
