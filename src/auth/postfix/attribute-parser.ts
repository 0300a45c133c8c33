/**
 * The lines of Postfix's policy protocol: `name=value`, one to a line, and an empty line that
 * ends a request (SMTPD_POLICY_README, PROTOCOL DESCRIPTION). Bytes in, attributes out, no I/O.
 */

import { decodeText } from 'net-milter-codec';

/** What one request may take. Postfix sends some 40 attributes and 2 KB. */
export interface RequestLimits {
  /** Bytes of one line. */
  readonly lineBytes: number;
  readonly attributes: number;
  /** Bytes of a whole request. */
  readonly requestBytes: number;
}

export const REQUEST_LIMITS: RequestLimits = {
  lineBytes: 16 * 1024,
  attributes: 200,
  requestBytes: 64 * 1024,
};

/** Bytes that are no request of a policy client. Says where, and never what came: it may be a secret. */
export class PolicyRequestError extends Error {
  readonly code = 'ERR_POLICY_REQUEST';
  /** Of the request, from 1. */
  readonly line: number;
  constructor(line: number, problem: string) {
    super(`line ${line} of a policy request: ${problem}`);
    this.name = 'PolicyRequestError';
    this.line = line;
  }
}

/** Texts by name, in the order in which they came. Of a name that came twice, the first. */
export type RequestAttributes = ReadonlyMap<string, string>;

export class AttributeParser {
  readonly #limits: RequestLimits;
  /** What is not taken yet, one character a byte. */
  #bytes = '';
  /** Up to here there is no line end in it. */
  #searched = 0;
  #attributes = new Map<string, string>();
  #lines = 0;
  #requestBytes = 0;

  constructor(limits: RequestLimits = REQUEST_LIMITS) {
    this.#limits = limits;
  }

  /** Bytes that were pushed and not taken yet. */
  get pendingBytes(): number {
    return this.#bytes.length;
  }

  /** Nothing of a request has come. */
  get isBetweenRequests(): boolean {
    return this.#lines === 0 && this.#bytes === '';
  }

  push(chunk: Buffer): void {
    this.#bytes += chunk.toString('latin1');
  }

  /** The next whole request, if it has come. Throws {@link PolicyRequestError}; there is no way on after that. */
  next(): RequestAttributes | undefined {
    for (;;) {
      const line = this.#nextLine();
      if (line === undefined) return undefined;
      if (line === '') return this.#finish();
      this.#take(line);
    }
  }

  #nextLine(): string | undefined {
    const end = this.#bytes.indexOf('\n', this.#searched);
    this.#checkSize(end < 0 ? this.#bytes.length : end);
    if (end < 0) {
      this.#searched = this.#bytes.length;
      return undefined;
    }
    // Who tries it by hand ends lines with CR LF.
    const line = this.#bytes.slice(0, this.#bytes[end - 1] === '\r' ? end - 1 : end);
    this.#bytes = this.#bytes.slice(end + 1);
    this.#searched = 0;
    this.#requestBytes += end + 1;
    this.#lines += 1;
    return line;
  }

  #checkSize(lineBytes: number): void {
    const { lineBytes: longest, requestBytes } = this.#limits;
    if (lineBytes > longest) {
      throw new PolicyRequestError(this.#lines + 1, `it is longer than ${longest} bytes`);
    }
    if (this.#requestBytes + lineBytes > requestBytes) {
      const problem = `the request is longer than ${requestBytes} bytes`;
      throw new PolicyRequestError(this.#lines + 1, problem);
    }
  }

  #take(line: string): void {
    const equals = line.indexOf('=');
    if (equals < 0) throw new PolicyRequestError(this.#lines, "expected name=value, found no '='");
    if (equals === 0) throw new PolicyRequestError(this.#lines, "expected a name before '='");
    if (line.includes('\0')) throw new PolicyRequestError(this.#lines, 'it contains a NUL');
    const name = decodeText(line.slice(0, equals));
    if (this.#attributes.has(name)) return;
    if (this.#attributes.size >= this.#limits.attributes) {
      const problem = `the request has more than ${this.#limits.attributes} attributes`;
      throw new PolicyRequestError(this.#lines, problem);
    }
    this.#attributes.set(name, decodeText(line.slice(equals + 1)));
  }

  #finish(): RequestAttributes {
    const attributes = this.#attributes;
    if (attributes.get('request') !== 'smtpd_access_policy') {
      throw new PolicyRequestError(
        this.#lines,
        'the request ends without request=smtpd_access_policy',
      );
    }
    this.#attributes = new Map();
    this.#lines = 0;
    this.#requestBytes = 0;
    return attributes;
  }
}
