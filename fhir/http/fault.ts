/**
 * What of an error may be logged: its kind and where it happened. Messages and details are left out, since they can quote what a
 * client sent ("invalid input syntax for type …"), and nothing that holds patient data goes into a log.
 */
export const describeFault = (error: unknown): { name: string; code?: string; constraint?: string; stack: string[] } => {
  const { name, code, constraint_name: constraint, stack } = (error ?? {}) as Record<string, unknown>;
  return {
    name: typeof name === 'string' ? name : typeof error,
    ...(typeof code === 'string' && { code }),
    ...(typeof constraint === 'string' && { constraint }),
    stack:
      typeof stack === 'string'
        ? stack
            .split('\n')
            .filter((line) => line.startsWith('    at '))
            .slice(0, 12)
            .map((line) => line.trim())
        : [],
  };
};
