const FRAME = '    at ';
const MAX_FRAMES = 12;

/** The frames of a stack, which begins with the message: that may have lines of its own that look like frames. None where it isn't found there. */
const framesOf = (stack: string, message: unknown): string[] => {
  const start = typeof message === 'string' ? stack.indexOf(message) : -1;
  if (start === -1) return [];
  const [, ...lines] = stack.slice(start + (message as string).length).split('\n');
  return lines
    .filter((line) => line.startsWith(FRAME))
    .slice(0, MAX_FRAMES)
    .map((line) => line.trim());
};

/**
 * What of an error may be logged: its kind and where it happened. Messages and details are left out, since they can quote what a
 * client sent ("invalid input syntax for type …"), and nothing that holds patient data goes into a log.
 */
export const describeFault = (error: unknown): { name: string; code?: string; constraint?: string; stack: string[] } => {
  const { name, code, constraint_name: constraint, stack, message } = (error ?? {}) as Record<string, unknown>;
  return {
    name: typeof name === 'string' ? name : typeof error,
    ...(typeof code === 'string' && { code }),
    ...(typeof constraint === 'string' && { constraint }),
    stack: typeof stack === 'string' ? framesOf(stack, message) : [],
  };
};
