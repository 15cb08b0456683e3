import { patientsOf } from '../audit/patients.ts';
import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError, type Issue, outcomeText } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { isObject } from '../json/value.ts';
import { type Head, readHead } from '../store/head.ts';
import { isAbsolute } from '../validation/reference.ts';
import { XmlMisfitError } from '../xml/from-xml.ts';
import type { TerminologySource } from '../terminology/resources.ts';
import type { LazyDefinition } from '../validation/profile/profile-source.ts';
import type { Operation } from './operation.ts';
import { answerIssues } from './validate-answers.ts';
import { storedProfiles, storedTerminology } from './stored-profiles.ts';
import { type OperationParameter, operationParameters, textParameter } from './parameters.ts';

const MODES = ['create', 'update', 'delete', 'profile'] as const;
type Mode = (typeof MODES)[number];
const OWN = ['resource', 'mode', 'profile'];
const MAX_PROFILES = 20;

const modeOf = (parameters: readonly OperationParameter[]): Mode | undefined => {
  const given = textParameter(parameters, 'mode');
  const mode = MODES.find((each) => each === given);
  if (given !== undefined && mode === undefined) {
    throw new FhirError('value', `mode=${given.slice(0, 40)} is none of ${MODES.join(', ')}`, { expression: 'http.mode' });
  }
  return mode;
};

const profilesOf = (parameters: readonly OperationParameter[], mode: Mode | undefined): string[] => {
  const profiles = parameters.flatMap(({ name, value }) => (name === 'profile' && typeof value === 'string' ? [value] : []));
  if (profiles.length > MAX_PROFILES)
    throw new FhirError('too-costly', `give ${MAX_PROFILES} profiles at most`, { expression: 'http.profile' });
  if (mode === 'profile' && profiles.length === 0) {
    throw new FhirError('invalid', 'mode=profile needs the parameter profile: the canonical address of one', {
      expression: 'http.profile',
    });
  }
  return profiles;
};

const fault = (diagnostics: string, expression?: string): Issue => ({ severity: 'error', code: 'invalid', diagnostics, expression });

/** What the address and the mode ask of a resource, whatever its content. */
const faultsOf = (resource: OperationParameter['resource'], { target }: Call, mode: Mode | undefined, head: Head | undefined): Issue[] => {
  const { resourceType, id } = target;
  if (mode === 'delete') {
    return head === undefined || head.body === null ? [fault(`there is no ${resourceType}/${id} to delete`)] : [];
  }
  if (resource === undefined) return [];
  const type = String(resource['resourceType']);
  const found: Issue[] = [];
  if (resourceType !== undefined && type !== resourceType) {
    found.push(
      fault(`the resource is a ${type.slice(0, 40)}, but this address validates a ${resourceType}`, `${resourceType}.resourceType`),
    );
  }
  if (mode === 'update' && resource['id'] === undefined) found.push(fault('an update must carry the id of the resource', `${type}.id`));
  if (id !== undefined && resource['id'] !== undefined && resource['id'] !== id) {
    found.push(fault(`the resource has another id than the address, which says ${id}`, `${type}.id`));
  }
  return found;
};

interface Given {
  readonly profiles: readonly string[];
  readonly definitions: readonly LazyDefinition[];
  readonly terminology?: TerminologySource | undefined;
  readonly missed: Set<string>;
  readonly text: string | undefined;
}

const issuesOf = ({ registry, validator }: Server, resource: OperationParameter['resource'], given: Given): Issue[] => {
  const type = String(resource?.['resourceType']);
  if (resource === undefined) return [];
  if (!registry.isResourceType(type)) return [fault(`${type.slice(0, 40)} is no R4 resource type`, 'resourceType')];
  return validator.everything(resource, type, given);
};

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The definitions that a resource names: the profiles that it and the resources in it claim, and their extensions. */
const namedBy = (resource: OperationParameter['resource']): string[] => {
  const found: unknown[] = [];
  // Depth is bounded by what a body may have.
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isObject(value)) return;
    const { resourceType, meta, extension, modifierExtension } = value;
    if (resourceType !== undefined && isObject(meta)) found.push(...listIn(meta['profile']));
    for (const each of [...listIn(extension), ...listIn(modifierExtension)]) if (isObject(each)) found.push(each['url']);
    Object.values(value).forEach(visit);
  };
  visit(resource);
  // Without a scheme it is a part of an extension.
  return found.filter((url): url is string => typeof url === 'string' && isAbsolute(url));
};

const ORDER: Readonly<Record<Issue['severity'], number>> = { fatal: 0, error: 1, warning: 2, information: 3 };

const run = async (server: Server, call: Call): Promise<Reply> => {
  const { resourceType, id } = call.target;
  // Parameters may be what is to be checked.
  const isAny = id === undefined && (resourceType === undefined || resourceType === 'Parameters');
  let parameters: readonly OperationParameter[];
  try {
    parameters = await operationParameters(call, isAny ? OWN : undefined);
  } catch (error) {
    // Of JSON this is told too.
    if (error instanceof XmlMisfitError) return answer(server, call, error.issues, undefined);
    throw error;
  }
  const mode = modeOf(parameters);
  const profiles = profilesOf(parameters, mode);
  if (mode === 'delete' && id === undefined) {
    throw new FhirError('invalid', 'mode=delete is asked of one resource: call Type/id/$validate', { expression: 'http.mode' });
  }
  const { resource: sent, text } = parameters.find(({ name }) => name === 'resource') ?? {};
  if (sent === undefined && id === undefined) {
    throw new FhirError('invalid', 'there is nothing to validate: send the resource, or Parameters with one of the name resource');
  }
  const head = id === undefined ? undefined : await readHead(server.db, server.registry.typeId(resourceType!), id);
  if (sent === undefined && mode !== 'delete' && id !== undefined && (head === undefined || head.body === null)) {
    throw new FhirError(head ? 'deleted' : 'not-found', `there is no ${resourceType}/${id}: send the resource to validate`);
  }
  const stored = head?.body === undefined || head.body === null ? undefined : (JSON.parse(head.body) as Record<string, unknown>);
  const resource = mode === 'delete' ? undefined : (sent ?? stored);
  const issues = faultsOf(resource, call, mode, head);
  if (issues.length === 0) {
    const given: Given = {
      profiles,
      definitions: await storedProfiles(server, call, [...profiles, ...namedBy(resource)]),
      missed: new Set(),
      text: sent === undefined ? (head?.body ?? undefined) : text?.(),
    };
    const found = issuesOf(server, resource, given);
    // Which value sets are needed is known only now.
    const terminology = await storedTerminology(server, call, given.missed);
    issues.push(...(terminology === undefined ? found : issuesOf(server, resource, { ...given, terminology })));
  }
  if (resource?.['resourceType'] === 'QuestionnaireResponse' && !issues.some(({ severity }) => severity === 'error'))
    issues.push(...(await answerIssues(server, call, resource)));
  issues.sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
  if (!issues.some(({ severity }) => severity === 'error')) {
    const diagnostics = mode === 'delete' ? `${resourceType}/${id} can be deleted` : 'the resource is valid, as far as it was checked';
    issues.push({ severity: 'information', code: 'informational', diagnostics });
  }
  return answer(server, call, issues, head);
};

const answer = async (server: Server, call: Call, issues: readonly Issue[], head: Head | undefined): Promise<Reply> => {
  const { resourceType, id } = call.target;
  const concerned = id === undefined ? undefined : `${resourceType}/${id}`;
  const looked = head === undefined || head.body === null ? [] : [{ type: resourceType!, id: head.id, body: head.body }];
  const patients = patientsOf(looked, server.baseUrl);
  const audited = await record(server.outbox, call, { status: 200, resource: concerned, version: head?.version, patients });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: outcomeText(issues), audited };
};

/**
 * Says what is wrong with a resource and stores nothing: 200 whatever it finds, 4xx only where it can't be asked so.
 * Source: http://hl7.org/fhir/R4/resource-operation-validate.html
 */
export const validate: Operation = {
  name: '$validate',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-validate',
  levels: ['system', 'type', 'instance'],
  types: [],
  isRead: true,
  // What is stored is read only where one resource is named.
  scopes: ({ resourceType, id }) => (id === undefined ? [] : [{ resourceType: resourceType!, letter: 'r' }]),
  run,
};
