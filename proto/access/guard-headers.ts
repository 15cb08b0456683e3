/** On every answer, of the server and of the gate: patient data is kept by no cache, and no browser takes it for something else than it is. */
export const GUARD_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const satisfies Readonly<Record<string, string>>;
