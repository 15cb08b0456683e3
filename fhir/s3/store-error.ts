/** A call to the store that failed, after its retries. The code says which and why, such as `PutObject AccessDenied 403`. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: string;
  /** HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;

  constructor(operation: string, target: string, error: unknown) {
    const { name, code, message, $metadata } = error as Partial<Error> & { code?: string; $metadata?: { httpStatusCode?: number } };
    const status = $metadata?.httpStatusCode;
    const reason = [code ?? name ?? 'failed', ...(status === undefined ? [] : [String(status)])].join(' ');
    // The SDK's error is left out: it holds the request, headers that prove who asks included.
    super(`${operation} of ${target}: ${reason}${status === undefined && message ? ` (${message})` : ''}`);
    this.code = `${operation} ${reason}`;
    this.status = status;
  }
}
