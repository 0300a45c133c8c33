/** One message, from MAIL to its end. */

import type { Reply } from 'net-milter-codec';
import type { Outcome } from '../engine/contract.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { RawHeader } from './header-changes.ts';
import type { BodyNeed } from './needs.ts';
import { isFinal, replyTo } from './replies.ts';
import type { SessionLimits } from './session-port.ts';

/** The keys of `limits` that a message can exceed. */
export type MessageLimit = 'headers' | 'headerBytes' | 'recipients' | 'message';

export class Transaction {
  /** MAIL had the argument SMTPUTF8 (RFC 6531). */
  readonly smtputf8: boolean;
  /** As they came in MAIL (latin1). */
  readonly mailArgs: readonly string[];
  /** As they came in RCPT (latin1), those that were not refused. */
  readonly recipients: string[] = [];
  readonly headers: RawHeader[] = [];
  readonly body: BodyBuffer;
  /** How many of the headers the filters have been told. */
  headersTold = 0;
  /** A filter wants no more of the body. */
  bodySkipped = false;
  /** Bytes as they came: headers with their line ends, the empty line, the body. */
  sizeBytes = 2;
  /** Calls whose verdicts are given at the end of the message. */
  readonly deferred: Promise<void>[] = [];
  /** How long the end shall be put off. */
  delayMs = 0;
  readonly #limits: SessionLimits;
  #headerBytes = 0;
  #decision: Reply | undefined;
  #over = false;

  constructor(args: readonly string[], body: BodyNeed, limits: SessionLimits) {
    this.mailArgs = args;
    this.smtputf8 = args.some((arg) => arg.toUpperCase() === 'SMTPUTF8');
    this.body = new BodyBuffer(body);
    this.#limits = limits;
  }

  /** The reply that the end of this message gets, if that is known. */
  get decision(): Reply | undefined {
    return this.#decision;
  }

  /** The MTA has been told the decision: what still comes of this message is of no interest. */
  get over(): boolean {
    return this.#over;
  }

  /** The first decision counts. */
  decide(reply: Reply): void {
    if (this.#decision !== undefined) return;
    this.#decision = reply;
    this.headers.length = 0;
    this.body.clear();
  }

  /** The decision was sent. */
  end(reply: Reply): void {
    this.decide(reply);
    this.#over = true;
  }

  /** The outcome of a call whose verdict is given at the end. */
  settle(outcome: Outcome): void {
    if (this.#decision !== undefined) return;
    this.delayMs += outcome.delayMs;
    if (outcome.verdict.kind === 'skip') this.bodySkipped = true;
    if (isFinal(outcome.verdict)) this.decide(replyTo(outcome.verdict));
  }

  /** Keeps a header, or tells which limit it exceeds. */
  addHeader(header: RawHeader): MessageLimit | undefined {
    const { name, raw } = header;
    const bytes = name.length + 1 + raw.length + 2 + foldedLines(raw);
    this.#headerBytes += bytes;
    this.sizeBytes += bytes;
    if (this.headers.length >= this.#limits.headers) return 'headers';
    if (this.#headerBytes > this.#limits.headerBytes) return 'headerBytes';
    if (this.sizeBytes > this.#limits.messageBytes) return 'message';
    this.headers.push(header);
    return undefined;
  }

  /** Keeps what is wanted of a piece of the body, or tells which limit it exceeds. */
  addBody(chunk: Buffer): Buffer | MessageLimit {
    this.sizeBytes += chunk.length;
    // What is not kept, because only the beginning is wanted, does not count.
    if (!this.body.full && this.sizeBytes > this.#limits.messageBytes) return 'message';
    return this.body.add(chunk);
  }
}

/** Line breaks that came as CRLF and were sent on as LF: one byte each that is missing. */
function foldedLines(raw: string): number {
  return raw.includes('\n') ? (raw.match(/(?<!\r)\n/g)?.length ?? 0) : 0;
}
