/** A request that cannot be performed; the filter's promise is rejected with it. */
export class CapabilityFailure extends Error {
  /** Stable, for filters that look at it. */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'CapabilityFailure';
    this.code = code;
  }
}

/** What a filter is told about an error. */
export function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  const { message, code } = error as { message?: unknown; code?: unknown };
  return {
    code: typeof code === 'string' ? code : 'ERR_CAPABILITY',
    message: typeof message === 'string' ? message : String(error),
  };
}
