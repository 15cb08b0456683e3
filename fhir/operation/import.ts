import { missingScope } from '../../proto/access/scope.ts';
import type { Call, Reply } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FhirError } from '../http/outcome.ts';
import { beginJob } from '../job/begin.ts';
import type { ImportFile, ImportSource } from '../job/import/import-source.ts';
import type { ImportRequest } from '../job/import/import-kind.ts';
import { requesterOf } from '../job/job.ts';
import type { Server } from '../server.ts';
import type { Operation } from './operation.ts';
import { type OperationParameter, operationParameters, textParameter } from './parameters.ts';

const FORMATS = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson']);
const NAMES = new Set(['inputFormat', 'inputSource', 'input']);
const MAX_FILES = 1000;

const run = async (server: Server, call: Call): Promise<Reply> => {
  const { importBucket, exportBucket } = server.jobs;
  if (importBucket === undefined || exportBucket === undefined)
    throw new FhirError('not-implemented', 'this server has no place for imports: ask its operator to set IMPORT_BUCKET and EXPORT_BUCKET');
  const parameters = await operationParameters(call);
  const strange = parameters.find(({ name }) => !NAMES.has(name));
  if (strange !== undefined && !call.prefer.lenient) {
    const diagnostics = `${strange.name.slice(0, 60)} is no parameter of $import: use inputFormat, inputSource and input`;
    throw new FhirError('not-supported', diagnostics, { expression: 'Parameters.parameter' });
  }
  const format = textParameter(parameters, 'inputFormat');
  if (format !== undefined && !FORMATS.has(format))
    throw new FhirError('value', `inputFormat ${format.slice(0, 60)} can't be read: use application/fhir+ndjson`);
  const inputs = parameters.filter(({ name }) => name === 'input');
  if (inputs.length === 0) throw new FhirError('invalid', 'name a file: give a parameter input with the parts type and url');
  if (inputs.length > MAX_FILES) throw new FhirError('too-costly', `an import takes ${MAX_FILES} files at most`);
  const files: ImportFile[] = [];
  for (const input of inputs) files.push(await fileOf(server, call, input, importBucket));
  const names = files.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new FhirError('invalid', 'a file is named twice: name each once');
  const request: ImportRequest = { files, url: `${server.baseUrl}/$import`, requester: requesterOf(call) };
  return beginJob(server, call, 'import', { request, outcome: { reason: `import of ${files.length} files`, count: files.length } });
};

const fileOf = async (
  { registry }: Server,
  { identity }: Call,
  { parts }: OperationParameter,
  source: ImportSource,
): Promise<ImportFile> => {
  const type = textParameter(parts, 'type');
  const name = textParameter(parts, 'url');
  if (name === undefined) throw new FhirError('structure', 'an input has no url: give the name of a file in the import folder');
  if (type !== undefined) {
    if (!registry.isResourceType(type)) throw new FhirError('value', `type ${type.slice(0, 60)} names no FHIR R4 resource type`);
    // With ids resources are updated or created, without they are created: one of the two is needed, which one each line says.
    if (missingScope(identity.scopes, type, 'c') !== undefined) requireScope(identity, type, 'u');
  }
  return source.find(name, type);
};

/**
 * Begins an import of NDJSON files from the server's own import folder; each resource is stored as by an update, with its own event.
 * Parameters after https://github.com/smart-on-fhir/bulk-import, with the difference that no address is fetched: a server that fetches what it
 * is told to can be made to reach where its clients can't.
 */
export const importOperation: Operation = {
  name: '$import',
  definition: 'https://github.com/smart-on-fhir/bulk-import/blob/master/import-manifest.md',
  levels: ['system'],
  types: [],
  isRead: false,
  scopes: () => [],
  run,
};
