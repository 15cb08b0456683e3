import type { Classified } from '../../proto/access/interaction.ts';
import type { NeededScope } from '../../proto/access/scope.ts';
import type { Call, Reply } from '../http/call.ts';
import type { Server } from '../server.ts';

export type OperationLevel = 'system' | 'type' | 'instance';

/** One `$operation`, each in a file of its own; operations.ts lists them. Source: http://hl7.org/fhir/R4/operations.html */
export interface Operation {
  /** With its `$`. */
  readonly name: string;
  /** Canonical address of its OperationDefinition, for /metadata. */
  readonly definition: string;
  /** The same on resources of some types, where those have definitions of their own. */
  readonly definitionOn?: Readonly<Record<string, string>>;
  readonly levels: readonly OperationLevel[];
  /** Resource types that it is offered on; empty: every type. */
  readonly types: readonly string[];
  /** It changes nothing, and can be asked for by GET too. */
  readonly isRead: boolean;
  /** What the caller must be allowed besides the operation itself. */
  readonly scopes: (target: Classified) => readonly NeededScope[];
  readonly run: (server: Server, call: Call) => Promise<Reply>;
}

export const levelOf = ({ resourceType, id }: Classified): OperationLevel =>
  resourceType === undefined ? 'system' : id === undefined ? 'type' : 'instance';
