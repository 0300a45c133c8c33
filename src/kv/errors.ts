/** What can go wrong with a store, as one class with a stable code. */

export type KvErrorCode =
  /** The key is empty, too long or no proper text. */
  | 'ERR_KV_KEY'
  /** The value is too large or cannot be stored without changing it. */
  | 'ERR_KV_VALUE'
  /** The time to live is not a positive number of milliseconds. */
  | 'ERR_KV_TTL'
  /** A limit, a window or another argument makes no sense. */
  | 'ERR_KV_ARGUMENT'
  /** `incr` met or was asked for something that is not a whole number. */
  | 'ERR_KV_NOT_A_NUMBER'
  /** The key holds something else: a rate where a value was expected, and the like. */
  | 'ERR_KV_TYPE'
  /** This kind of store cannot do it. */
  | 'ERR_KV_UNSUPPORTED'
  /**
   * The store cannot be opened, written or reached. If the connection was lost while the answer was
   * awaited, what was asked may have happened; the message says so.
   */
  | 'ERR_KV_UNAVAILABLE'
  /** The store did not answer in its budget; what was asked may have happened or not. */
  | 'ERR_KV_TIMEOUT';

/** An operation that a store refused or could not perform. Where the store did answer, nothing was changed. */
export class KvError extends Error {
  readonly code: KvErrorCode;
  constructor(code: KvErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KvError';
    this.code = code;
  }
}

/** Whether the error is about the store and not about what was asked of it. */
export function isStoreFailure(error: unknown): error is KvError {
  return (
    error instanceof KvError &&
    (error.code === 'ERR_KV_UNAVAILABLE' || error.code === 'ERR_KV_TIMEOUT')
  );
}

/** What an error thrown by somebody else says. */
export function reasonOf(error: unknown): string {
  const message: unknown = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}
