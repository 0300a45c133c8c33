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
