import { randomUUID } from 'node:crypto';
import type { AuditFields } from '../../fhir/audit/event.ts';
import { auditEvent } from '../../fhir/audit/event.ts';

/** The text of an event; by default a read. */
export const anEvent = (fields: Partial<AuditFields> = {}): string =>
  auditEvent({
    id: randomUUID(),
    at: new Date().toISOString(),
    kind: 'read',
    action: 'R',
    outcome: 0,
    status: 200,
    request: randomUUID(),
    client: 'ehr-demo',
    interaction: 'read',
    resource: 'Patient/1',
    ...fields,
  });

export const aWrite = (resource: string, version: number): string =>
  anEvent({ kind: 'write', action: version === 1 ? 'C' : 'U', interaction: 'update', resource, version });
