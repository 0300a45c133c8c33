/**
 * `message.parse()` and `content()` of attachments, on the runner's side of the border. What was
 * parsed is kept until the event ends, and shared by the filters that see the message alike.
 *
 *   parse: wait for a thread -> ask the worker for the body -> parse -> the JSON crosses,
 *   the contents of attachments stay here -> content(): one of them crosses -> the event ends
 */

import {
  beyond,
  DEFAULT_PARSE_LIMITS,
  type ParsedMessage,
  ParseError,
  type ParseLimits,
} from './limits.ts';
import { ParserPool } from './pool.ts';

/** Asks the worker for the raw body of an event's message. */
export type BodySource = () => Promise<Uint8Array>;

/** While kept contents take more than so many messages of the largest size, new ones wait. */
const KEPT_MESSAGES = 2;

interface Parse {
  readonly id: number;
  readonly headers: string;
  /** What a filter made of the body; `null`: as it came. */
  readonly body: string | null;
  /** Aborted when nobody waits for it any more. */
  readonly abort: AbortController;
  readonly outcome: Promise<ParsedMessage>;
  parsed: ParsedMessage | undefined;
  isOver: boolean;
}

export class MessageParses {
  readonly #limits: ParseLimits;
  readonly #pool: ParserPool;
  readonly #byEvent = new Map<number, Parse[]>();
  #keptBytes = 0;
  #nextId = 1;

  constructor(limits: ParseLimits = DEFAULT_PARSE_LIMITS) {
    this.#limits = limits;
    const most = KEPT_MESSAGES * limits.bytes;
    this.#pool = new ParserPool(limits, () => this.#keptBytes < most);
  }

  /** Bytes that are kept for events that have not ended. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** `parse`, with the arguments that came out of the isolate: a ParsedMailJson. Rejects with ParseError. */
  async parse(event: number, args: readonly unknown[], source: BodySource): Promise<string> {
    const [headers, body] = args;
    if (typeof headers !== 'string' || (typeof body !== 'string' && body !== null))
      throw new ParseError('ERR_ARGUMENT', 'parse: expected headers and a body or null');
    const parses = this.#byEvent.get(event) ?? [];
    this.#byEvent.set(event, parses);
    let parse = parses.find((known) => known.headers === headers && known.body === body);
    if (!parse) {
      parse = this.#begin(headers, body, source);
      parses.push(parse);
    }
    return (await parse.outcome).json;
  }

  /** `attachment`: `args` are the parse's id and the attachment's index. Throws ParseError. */
  attachment(event: number, args: readonly unknown[]): Uint8Array {
    const [id, index] = args;
    const parsed = this.#byEvent.get(event)?.find((parse) => parse.id === id)?.parsed;
    if (!parsed) {
      throw new ParseError(
        'ERR_PARSE_OVER',
        'content: the attachment is gone with the phase in which its message was parsed; call parse() again',
      );
    }
    const { contents, ends } = parsed;
    if (!Number.isInteger(index) || (index as number) < 0 || (index as number) >= ends.length)
      throw new ParseError('ERR_ARGUMENT', 'content: there is no such attachment');
    const start = ends[(index as number) - 1] ?? 0;
    return new Uint8Array(contents, start, ends[index as number]! - start);
  }

  /** A handler of the event ended: what it asked for and did not wait for is given up. */
  settle(event: number): void {
    const parses = this.#byEvent.get(event);
    if (!parses) return;
    for (const parse of parses) if (!parse.isOver) parse.abort.abort();
    this.#byEvent.set(
      event,
      parses.filter(({ isOver }) => isOver),
    );
    this.#pool.proceed();
  }

  /** The event ended: nothing of its message is kept. */
  forget(event: number): void {
    const parses = this.#byEvent.get(event);
    if (!parses) return;
    this.settle(event);
    this.#byEvent.delete(event);
    for (const { parsed } of parses) if (parsed) this.#keptBytes -= sizeOf(parsed);
    this.#pool.proceed();
  }

  /** Ends the threads. */
  close(): void {
    this.#pool.close();
  }

  #begin(headers: string, body: string | null, source: BodySource): Parse {
    const id = this.#nextId++;
    const abort = new AbortController();
    const fetch = async () =>
      this.#whole(headers, body === null ? await source() : Buffer.from(body, 'latin1'));
    const outcome = this.#pool.parse(id, fetch, abort.signal);
    const parse: Parse = { id, headers, body, abort, outcome, parsed: undefined, isOver: false };
    outcome.then(
      (parsed) => {
        if (abort.signal.aborted) return;
        parse.isOver = true;
        parse.parsed = parsed;
        this.#keptBytes += sizeOf(parsed);
      },
      () => {
        parse.isOver = true;
      },
    );
    return parse;
  }

  /** The message in a buffer of its own, which can move to another thread. */
  #whole(headers: string, body: Uint8Array): ArrayBuffer {
    const bytes = headers.length + 2 + body.length;
    if (bytes > this.#limits.bytes) throw beyond(this.#limits, 'bytes', `has ${bytes} bytes`);
    const whole = new ArrayBuffer(bytes);
    const view = Buffer.from(whole);
    view.write(`${headers}\r\n`, 'latin1');
    view.set(body, headers.length + 2);
    return whole;
  }
}

function sizeOf({ json, contents }: ParsedMessage): number {
  return json.length + contents.byteLength;
}
