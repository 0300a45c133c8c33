/**
 * What handlers asked for and have not heard of yet. Most of it goes to the worker; what concerns
 * the parsing of a message is done in this process, with the worker's help for the body.
 */

import type { FrameWriter } from './frame-stream.ts';
import { FRAME, type ReadResult, writeJson } from './frames.ts';
import { ParseError } from './mime/limits.ts';
import type { MessageParses } from './mime/message-parses.ts';

/** A call of an isolate. */
export interface AskedCall {
  readonly event: number;
  readonly filter: number;
  /** The number that the isolate gave it. */
  readonly call: number;
}

interface PendingCall {
  readonly filter: number;
  readonly answer: (result: ReadResult) => void;
}

export class Calls {
  readonly #writer: FrameWriter;
  readonly #parses: MessageParses;
  readonly #flush: () => void;
  readonly #answer: (asked: AskedCall, result: ReadResult) => void;
  readonly #pending = new Map<number, PendingCall>();
  #nextCall = 1;

  /** `answer` hands a result to the isolate that asked. `flush` is asked for where no frame is being handled. */
  constructor(
    io: { readonly writer: FrameWriter; readonly flush: () => void },
    parses: MessageParses,
    answer: (asked: AskedCall, result: ReadResult) => void,
  ) {
    this.#writer = io.writer;
    this.#flush = io.flush;
    this.#parses = parses;
    this.#answer = answer;
  }

  /** A handler asks for something; `isInside`: it has not ended. */
  ask(asked: AskedCall, operation: string, args: readonly unknown[], isInside: boolean): void {
    switch (operation) {
      case 'parse':
      case 'attachment':
        this.#perform(asked, operation, args, isInside);
        return;
      default:
        this.#send(asked, operation, args, (result) => this.#answer(asked, result));
    }
  }

  /** The worker's answer; one that nobody waits for any more is dropped. */
  result(id: number, result: ReadResult): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    pending.answer(result);
  }

  /** The isolate of this filter is gone: a new one would take the answers for its own. */
  lose(filter: number): void {
    for (const [id, pending] of this.#pending)
      if (pending.filter === filter) this.#pending.delete(id);
  }

  #send(
    { event, filter }: AskedCall,
    operation: string,
    args: readonly unknown[],
    answer: (result: ReadResult) => void,
  ): void {
    const id = this.#expect(filter, answer);
    writeJson(this.#writer, FRAME.call, id, { event, filter, operation, args });
  }

  #expect(filter: number, answer: (result: ReadResult) => void): number {
    const id = this.#nextCall;
    this.#nextCall = (id % 0xffff_ffff) + 1;
    this.#pending.set(id, { filter, answer });
    return id;
  }

  /** Never answers at once: the isolate must not be entered while its outbox is being read. */
  #perform(
    asked: AskedCall,
    operation: 'parse' | 'attachment',
    args: readonly unknown[],
    isInside: boolean,
  ): void {
    const id = this.#expect(asked.filter, (result) => this.#answer(asked, result));
    this.#outcome(asked, operation, args, isInside)
      .catch(failure)
      .then((result) => {
        this.result(id, result);
        this.#flush();
      });
  }

  async #outcome(
    asked: AskedCall,
    operation: 'parse' | 'attachment',
    args: readonly unknown[],
    isInside: boolean,
  ): Promise<ReadResult> {
    if (!isInside)
      throw new ParseError('ERR_PARSE_OVER', `${operation}: the phase of this message is over`);
    if (operation === 'attachment') {
      const { buffer, byteOffset, byteLength } = this.#parses.attachment(asked.event, args);
      return { ok: true, json: '', bytes: Buffer.from(buffer, byteOffset, byteLength) };
    }
    const json = await this.#parses.parse(asked.event, args, () => this.#body(asked));
    return { ok: true, json, bytes: undefined };
  }

  /** The raw body, for the runner itself. */
  #body(asked: AskedCall): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#send(asked, 'body', [], ({ ok, json, bytes }) => {
        if (ok && bytes) resolve(bytes);
        else reject(new BodyFailure(json));
      });
      this.#flush();
    });
  }
}

/** The worker has no body to give; its answer is the filter's. */
class BodyFailure extends Error {
  readonly json: string;
  constructor(json: string) {
    super('the worker gave no body');
    this.json = json;
  }
}

function failure(error: unknown): ReadResult {
  if (error instanceof BodyFailure) return { ok: false, json: error.json, bytes: undefined };
  const { code, message } =
    error instanceof ParseError
      ? error
      : new ParseError('ERR_PARSE', `parse: failed in the runner (${(error as Error).name})`);
  return { ok: false, json: JSON.stringify({ code, message }), bytes: undefined };
}
