import { createHash } from 'node:crypto';
import { createOutbox } from './audit/outbox.ts';
import { assertDurable } from './audit/verified-commit.ts';
import { type PackagedResource, readPackages } from './definitions/package.ts';
import { loadRegistry } from './definitions/registry.ts';
import { capabilityStatement } from './interaction/capabilities.ts';
import { createJobs, type JobSettings } from './job/jobs.ts';
import { followPackages, type PackagedReport } from './search-parameter/follow-packages.ts';
import { poll } from './search-parameter/poll.ts';
import { openSearchPlan, type SearchPlan } from './search-parameter/search-plan.ts';
import { createSearchParameterRule } from './search-parameter/write-rule.ts';
import { createSearch } from './search/search.ts';
import type { Capabilities, Limits, Rules, Server } from './server.ts';
import { createPool } from './store/pool.ts';
import { createReadLane } from './store/read-lane.ts';
import { createRidAllocator } from './store/rid.ts';
import { createWriteLane } from './store/write-lane.ts';
import { type EndpointCheck } from './subscription/endpoint.ts';
import { createSubscriptionRule } from './subscription/write-rule.ts';
import { createFindNaming, createFindStored } from './terminology/stored.ts';
import { createConceptMaps } from './terminology/concept-maps.ts';
import { createTerminology } from './terminology/terminology.ts';
import { supportedProfiles } from './validation/profile/profile-source.ts';
import { createResourceValidator } from './validation/resource-validator.ts';

export interface ServerOptions {
  /** For the role fhir_app. */
  readonly databaseUrl: string;
  /** Connections for reads, and as many for transactions; commits, audit events and reads with theirs have one each of their own, so that none waits for a search. */
  readonly pool: number;
  readonly baseUrl: string;
  /** What a write is checked for: `full` adds R4's invariants in FHIRPath. */
  readonly validation?: 'structure' | 'full';
  /** A folder of FHIR packages (.tgz), whose profiles, value sets, code systems and search parameters are known then. */
  readonly packagesFolder?: string | undefined;
  readonly limits?: Limits;
  readonly rules?: Rules;
  /** Whether statements stay prepared on a connection, which a pooler that hands out connections by transaction doesn't allow. */
  readonly prepare?: boolean;
  readonly jobs?: JobSettings;
  /** Where subscribers may be told; nowhere without it. */
  readonly isEndpoint?: EndpointCheck;
  /** Hears where search parameters couldn't be read again. */
  readonly onFault?: (error: unknown) => void;
  /** Hears what the start has made of the search parameters in the packages. */
  readonly onPackages?: (report: PackagedReport) => void;
}

// See figures in test/bench/README.md.
const limitsOf = (pool: number): Limits => ({
  resourceBytes: 10 << 20,
  bundleBytes: 60 << 20,
  bundleEntries: 20_000,
  atWork: 1 << 20,
  present: 64 << 20,
  ofClients: {
    requests: 512,
    // 16 share a commit nearly as well as more do. What may take long never has all connections of the pool: others need one too.
    working: { quick: 16, slow: Math.max(1, Math.floor(pool * 0.8)) },
    answers: 128 << 20,
  },
});
const RULES: Rules = { conditionalDelete: 'single', referentialIntegrity: false };
// With one lane more requests share a commit (reads have a second one for a crowd: store/read-lane.ts).
const LANES = 1;
/** How often a process looks for other search parameters. */
const FOLLOW_MS = 500;

/** Everything that interactions work with, connected; throws where the database isn't durable or isn't migrated. */
export const openServer = async ({
  databaseUrl,
  pool,
  baseUrl,
  validation = 'structure',
  packagesFolder,
  limits = limitsOf(pool),
  rules = RULES,
  prepare = true,
  jobs = { exportBucket: undefined, importBucket: undefined },
  isEndpoint = () => false,
  onFault = () => undefined,
  onPackages = () => undefined,
}: ServerOptions): Promise<{ server: Server; close: () => Promise<void> }> => {
  const registry = loadRegistry();
  const packages = packagesFolder === undefined ? [] : readPackages(packagesFolder);
  const sql = createPool(databaseUrl, { max: pool, application: 'fhir', prepare, isShared: true });
  const commits = createPool(databaseUrl, { max: LANES, application: 'fhir commits', prepare });
  const events = createPool(databaseUrl, { max: 2 * LANES, application: 'fhir audit', prepare });
  const endPools = async (): Promise<void> => void (await Promise.all([sql, commits, events].map((each) => each.end({ timeout: 5 }))));
  const opened = async (): Promise<SearchPlan> => {
    await assertDurable(sql);
    onPackages(await followPackages({ registry, baseUrl, sql, packages }));
    return openSearchPlan({ registry, baseUrl, sql, onFault });
  };
  const { planOf, keyId, extractor, added, refresh } = await opened().catch(async (error: unknown) => {
    await endPools();
    throw error;
  });
  const following = poll(refresh, { everyMs: FOLLOW_MS, onFault });
  const lane = createWriteLane(commits, { lanes: LANES });
  const outbox = createOutbox(events);
  const reads = createReadLane(events, sql, registry.typeId('Patient'));
  const packaged = (type: string): PackagedResource[] =>
    packages.flatMap(({ resources }) => resources.filter(({ resourceType }) => resourceType === type));
  const terminology = createTerminology({
    packages: [...packaged('ValueSet'), ...packaged('CodeSystem')],
    findStored: createFindStored({ registry, planOf, keyId, baseUrl }),
    findNaming: createFindNaming({ registry }),
  });
  const conceptMaps = createConceptMaps({ registry, planOf, keyId, packages: packaged('ConceptMap') });
  const search = createSearch({ registry, terminology, planOf, keyId, baseUrl });
  const profiles = supportedProfiles(packaged('StructureDefinition'));
  const server: Server = {
    registry,
    validator: createResourceValidator({
      registry,
      terminology: terminology.loaded,
      profiles: packaged('StructureDefinition'),
      onWrite: validation,
    }),
    terminology,
    conceptMaps,
    extractor,
    added,
    search,
    planOf,
    keyId,
    db: sql,
    sql,
    lane,
    outbox,
    reads,
    rids: createRidAllocator(sql),
    baseUrl,
    capabilities: memoByVersion(added, () => capabilityStatement(registry, planOf, { baseUrl, rules, profiles })),
    limits,
    rules,
    jobs: createJobs(jobs),
    writeRules: new Map([
      ['Subscription', createSubscriptionRule({ registry, baseUrl, search }, isEndpoint)],
      ['SearchParameter', createSearchParameterRule({ registry, baseUrl, others: added.others })],
    ]),
  };
  const close = async (): Promise<void> => {
    await following.close();
    await lane.drain();
    await reads.drain();
    await outbox.close();
    await endPools();
  };
  return { server, close };
};

const memoByVersion = (of: { readonly version: number }, make: () => string): (() => Capabilities) => {
  let made: (Capabilities & { readonly version: number }) | undefined;
  return () => {
    if (made?.version !== of.version) {
      const text = make();
      made = { version: of.version, text, tag: createHash('sha256').update(text).digest('base64url') };
    }
    return made;
  };
};
