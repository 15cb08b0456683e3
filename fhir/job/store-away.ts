import { FhirError } from '../http/outcome.ts';
import { StoreError } from '../s3/store-error.ts';

/** What a request asks of the store: 503 where that fails, so that the client tries again. */
export const unlessAway = <T>(work: Promise<T>): Promise<T> =>
  work.catch((cause: unknown) => {
    if (!(cause instanceof StoreError)) throw cause;
    throw new FhirError('unavailable', 'the store of files does not answer: try again', { headers: { 'retry-after': '10' }, cause });
  });
