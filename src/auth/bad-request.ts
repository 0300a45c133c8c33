/** A request that makes no sense: whose fault it is, is told by its HTTP status. */

export class BadRequest extends Error {
  readonly code = 'ERR_LOGIN_REQUEST';
  /** The HTTP status of the answer. */
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'BadRequest';
    this.status = status;
  }
}
