import type { Classified } from '../../proto/access/interaction.ts';
import { convert } from './convert.ts';
import { document } from './document.ts';
import { encounterEverything, patientEverything } from './everything.ts';
import { exportOperation } from './export.ts';
import { importOperation } from './import.ts';
import { expand } from './expand.ts';
import { lastN } from './last-n.ts';
import { lookup } from './lookup.ts';
import { meta } from './meta.ts';
import { metaAdd, metaDelete } from './meta-change.ts';
import type { Operation } from './operation.ts';
import { levelOf } from './operation.ts';
import { searchParameterStatus } from './search-parameter-status.ts';
import { subsumes } from './subsumes.ts';
import { translate } from './translate.ts';
import { validateCode } from './validate-code.ts';
import { validate } from './validate.ts';
import { versions } from './versions.ts';

/** Every operation that is offered; /metadata lists them from here. */
export const OPERATIONS: readonly Operation[] = [
  patientEverything,
  encounterEverything,
  document,
  lastN,
  exportOperation,
  importOperation,
  meta,
  metaAdd,
  metaDelete,
  validate,
  expand,
  ...validateCode,
  lookup,
  subsumes,
  translate,
  searchParameterStatus,
  versions,
  convert,
];

/** Whether an operation is offered on resources of a type (undefined: on the system). */
export const isOffered = ({ levels, types }: Operation, resourceType: string | undefined): boolean =>
  resourceType === undefined
    ? levels.includes('system')
    : (types.length === 0 || types.includes(resourceType)) && levels.some((level) => level !== 'system');

/** The operation that a request asks for, undefined where there is none of that name at that place. An old version has none but its labels. */
export const findOperation = (target: Classified): Operation | undefined =>
  OPERATIONS.find(
    (operation) =>
      operation.name === target.operation &&
      isOffered(operation, target.resourceType) &&
      operation.levels.includes(levelOf(target)) &&
      (target.versionId === undefined || operation === meta),
  );
