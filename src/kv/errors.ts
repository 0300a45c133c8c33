/** What can go wrong with a store, as one class with a stable code. */

export type KvErrorCode =
  /** The key is empty, too long or no proper text. */
  | 'ERR_KV_KEY'
  /** The value is too large or cannot be stored without changing it. */
  | 'ERR_KV_VALUE'
  /** The time to live is not a positive number of milliseconds. */
  | 'ERR_KV_TTL'
  /** `incr` met or was asked for something that is not a whole number. */
  | 'ERR_KV_NOT_A_NUMBER'
  /** The store cannot be opened, written or reached. */
  | 'ERR_KV_UNAVAILABLE';

/** An operation that a store refused or could not perform; nothing was changed. */
export class KvError extends Error {
  readonly code: KvErrorCode;
  constructor(code: KvErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KvError';
    this.code = code;
  }
}

/** What an error thrown by somebody else says. */
export function reasonOf(error: unknown): string {
  const message: unknown = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}
