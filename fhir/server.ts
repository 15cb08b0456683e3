import type { AdmissionLimits } from './http/admission.ts';
import type { Identity } from './http/identity.ts';
import type { ShareLimits } from './http/shares.ts';
import type { Outbox } from './audit/outbox.ts';
import type { Registry } from './definitions/registry.ts';
import type { Extractor } from './search/extract.ts';
import type { TypeIndex } from './search/index-plan.ts';
import type { Jobs } from './job/jobs.ts';
import type { AddedParameters } from './search-parameter/added-parameters.ts';
import type { Search } from './search/search.ts';
import type { Db, Sql } from './store/pool.ts';
import type { ReadLane } from './store/read-lane.ts';
import type { RidAllocator } from './store/rid.ts';
import type { WriteLane } from './store/write-lane.ts';
import type { Write } from './store/write-statement.ts';
import type { ConceptMaps } from './terminology/concept-maps.ts';
import type { Terminology } from './terminology/terminology.ts';
import type { ResourceValidator } from './validation/resource-validator.ts';

/** What every interaction works with. */
export interface Server {
  readonly registry: Registry;
  readonly validator: ResourceValidator;
  readonly terminology: Terminology;
  readonly conceptMaps: ConceptMaps;
  readonly extractor: Extractor;
  readonly search: Search;
  /** What of a resource type is indexed, and the number that the store has for an index key. */
  readonly planOf: (type: string) => TypeIndex;
  readonly keyId: (key: string) => number;
  /** Where to read: the pool, or the connection of the transaction that the interaction is part of. */
  readonly db: Db;
  readonly sql: Sql;
  readonly lane: WriteLane;
  readonly outbox: Outbox;
  /** Absent within a transaction, whose connection reads and records. */
  readonly reads: ReadLane | undefined;
  readonly rids: RidAllocator;
  /** Public, without a slash at the end: `https://localhost:8443/fhir`. */
  readonly baseUrl: string;
  /** The CapabilityStatement as it is now. */
  readonly capabilities: () => Capabilities;
  /** Search parameters that clients have written. */
  readonly added: AddedParameters;
  readonly limits: Limits;
  readonly rules: Rules;
  readonly jobs: Jobs;
  /** Of resource types that this server acts on: what clients may write of them. */
  readonly writeRules: ReadonlyMap<string, WriteRule>;
}

/** A CapabilityStatement, and a tag that is another one whenever the text is. */
export interface Capabilities {
  readonly text: string;
  readonly tag: string;
}

/** What an operator decides about writes. */
export interface Rules {
  /** Whether a conditional delete may delete several resources. */
  readonly conditionalDelete: 'single' | 'multiple';
  /** Whether references within the server must lead somewhere, always. */
  readonly referentialIntegrity: boolean;
}

/** Throws FhirError where a client may not write this; else what is stored along with it. */
export type WriteRule = (resource: Readonly<Record<string, unknown>>, identity: Identity) => Pick<Write, 'subscriber' | 'isParameter'>;

export interface Limits extends AdmissionLimits {
  /** Bytes of a body with one resource, and of a Bundle posted to the base. */
  readonly resourceBytes: number;
  readonly bundleBytes: number;
  readonly bundleEntries: number;
  readonly ofClients: ShareLimits;
}
