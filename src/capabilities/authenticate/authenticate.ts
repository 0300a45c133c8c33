/**
 * `authenticate(message)`: SPF, DKIM, DMARC and ARC by mailauth, in a thread of the worker. The
 * thread has many messages at once, which wait for the DNS; one that computes without end is ended
 * with its thread, and the others begin again in a new one.
 */

import { z } from 'zod';
import { CapabilityFailure } from '../failure.ts';
import { boundedHeaders } from './header-block.ts';
import { MailauthThread, type Resolver } from './mailauth-thread.ts';
import type { ResultsJson } from './results.ts';
import type { AuthenticateJob } from './thread-messages.ts';

export interface AuthenticateOptions {
  /** From the beginning of a message's checks to their end, the DNS included. */
  readonly timeoutMs: number;
  /** As node:dns.promises.resolve: rejects with an error whose `code` is ENOTFOUND and so on. */
  readonly resolver: Resolver;
  /** The name in Authentication-Results where the MTA tells none. */
  readonly mta?: string;
}

/** What the request needs of its context (see CapabilityContext). */
export interface AuthenticateContext {
  readonly body: (() => Uint8Array) | undefined;
  readonly signal: AbortSignal;
}

/** SPF has ten (RFC 7208 section 4.6.4) and those for the addresses behind them, DMARC and ARC some more. */
const MAX_LOOKUPS = 100;

/** Messages that are in the thread at once, unless there is but one. */
const MAX_BYTES_AT_ONCE = 64 * 1024 ** 2;

/** A message whose thread was lost, perhaps to another message, begins once more. */
const MAX_ATTEMPTS = 2;

/** RFC 8601 section 2.2; names of hosts, for all that matters. */
const AUTHSERV_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

const Arguments = z.tuple([
  z.object({
    headers: z.string(),
    client: z.object({ address: z.string().optional(), hostname: z.string().optional() }),
    helo: z.string().optional(),
    sender: z.string(),
    mta: z.string().optional(),
  }),
]);

interface Pending {
  readonly id: number;
  readonly job: () => AuthenticateJob;
  readonly bytes: number;
  readonly resolve: (results: ResultsJson) => void;
  readonly reject: (error: CapabilityFailure) => void;
  attempts: number;
  lookups: number;
  timer: NodeJS.Timeout | undefined;
}

export class AuthenticateCapability {
  readonly #options: AuthenticateOptions;
  readonly #waiting: Pending[] = [];
  /** In the thread. */
  readonly #running = new Map<number, Pending>();
  #bytes = 0;
  #thread: MailauthThread | undefined;
  #nextId = 1;

  constructor(options: AuthenticateOptions) {
    this.#options = options;
  }

  /** A ResultsJson. Rejects with {@link CapabilityFailure}. */
  async perform(args: readonly unknown[], context: AuthenticateContext): Promise<unknown> {
    const parsed = Arguments.safeParse(args);
    if (!parsed.success)
      throw new CapabilityFailure('ERR_ARGUMENT', 'authenticate: expected a message');
    const { body, signal } = context;
    if (!body)
      throw new CapabilityFailure('ERR_NO_MESSAGE', 'authenticate: there is no message here');
    const [{ client, helo, sender, ...asked }] = parsed.data;
    const headers = boundedHeaders(asked.headers);
    const mta =
      [asked.mta, this.#options.mta].find((name) => name && AUTHSERV_ID.test(name)) ?? 'localhost';
    if (signal.aborted) throw abandoned();
    const stop = new AbortController();
    const results = new Promise<ResultsJson>((resolve, reject) => {
      const pending: Pending = {
        id: this.#nextId++,
        job: () => ({
          message: whole(headers, body()),
          address: client.address,
          helo,
          sender,
          mta,
        }),
        bytes: headers.length + body().length,
        resolve,
        reject,
        attempts: 0,
        lookups: 0,
        timer: undefined,
      };
      const abort = () => this.#giveUp(pending, abandoned());
      // Some signals never come and live for ever: no listener is left behind.
      signal.addEventListener('abort', abort, { signal: stop.signal });
      this.#waiting.push(pending);
      this.#proceed();
    });
    return results.finally(() => stop.abort());
  }

  /** Ends the thread; what is under way is rejected. */
  close(): void {
    const ended = new CapabilityFailure('ERR_AUTHENTICATE', 'authenticate: the worker ends');
    for (const pending of [...this.#waiting, ...this.#running.values()])
      this.#giveUp(pending, ended);
    this.#thread?.end();
  }

  /** Hands waiting messages to the thread, which is started for the first. */
  #proceed(): void {
    if (this.#waiting.length === 0) return;
    this.#thread ??= this.#start();
    if (!this.#thread.isReady) return;
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (this.#running.size > 0 && this.#bytes + next.bytes > MAX_BYTES_AT_ONCE) return;
      this.#waiting.shift();
      this.#begin(next, this.#thread);
    }
  }

  #begin(pending: Pending, thread: MailauthThread): void {
    pending.attempts += 1;
    pending.lookups = 0;
    this.#running.set(pending.id, pending);
    this.#bytes += pending.bytes;
    pending.timer ??= setTimeout(() => this.#expire(pending), this.#options.timeoutMs);
    try {
      thread.begin(pending.id, pending.job());
    } catch (error) {
      const why = `authenticate: the message is gone (${(error as Error).name})`;
      this.#leave(pending.id)?.reject(new CapabilityFailure('ERR_AUTHENTICATE', why));
    }
  }

  #start(): MailauthThread {
    return new MailauthThread({
      done: (id, results) => this.#leave(id)?.resolve(results),
      failed: (id, name) => {
        const why = `authenticate: the message cannot be checked (${name})`;
        this.#leave(id)?.reject(new CapabilityFailure('ERR_AUTHENTICATE', why));
      },
      ready: () => this.#proceed(),
      gone: (wasReady) => this.#lost(wasReady),
      resolverOf: (id) => {
        const pending = this.#running.get(id);
        if (!pending || pending.lookups >= MAX_LOOKUPS) return undefined;
        pending.lookups += 1;
        return this.#options.resolver;
      },
    });
  }

  #expire(pending: Pending): void {
    const { timeoutMs } = this.#options;
    const why = `authenticate: the checks took longer than ${timeoutMs} ms, the DNS included`;
    this.#giveUp(pending, new CapabilityFailure('ERR_AUTHENTICATE_TIME', why));
  }

  #giveUp(pending: Pending, why: CapabilityFailure): void {
    const at = this.#waiting.indexOf(pending);
    if (at >= 0) this.#waiting.splice(at, 1);
    else if (!this.#running.has(pending.id)) return;
    clearTimeout(pending.timer);
    pending.reject(why);
    if (this.#leave(pending.id)) this.#thread?.drop(pending.id);
  }

  /** Takes a job out of those in the thread. */
  #leave(id: number): Pending | undefined {
    const pending = this.#running.get(id);
    if (!pending) return undefined;
    this.#running.delete(id);
    this.#bytes -= pending.bytes;
    clearTimeout(pending.timer);
    this.#proceed();
    return pending;
  }

  /** The thread ended by itself, or was ended: whoever was in it begins again, but not for ever. */
  #lost(wasReady: boolean): void {
    this.#thread = undefined;
    const lost = [...this.#running.values(), ...this.#waiting.splice(0)];
    this.#running.clear();
    this.#bytes = 0;
    for (const pending of lost) {
      if (wasReady && pending.attempts < MAX_ATTEMPTS) {
        this.#waiting.push(pending);
        continue;
      }
      clearTimeout(pending.timer);
      const why = `authenticate: the thread that checks messages ${wasReady ? 'was lost' : 'does not start'}`;
      pending.reject(new CapabilityFailure('ERR_AUTHENTICATE', why));
    }
    this.#proceed();
  }
}

/** The message in a buffer of its own, which can move to the thread. */
function whole(headers: string, body: Uint8Array): ArrayBuffer {
  const message = new ArrayBuffer(headers.length + 2 + body.length);
  const bytes = Buffer.from(message);
  bytes.write(`${headers}\r\n`, 'latin1');
  bytes.set(body, headers.length + 2);
  return message;
}

function abandoned(): CapabilityFailure {
  return new CapabilityFailure('ERR_AUTHENTICATE', 'authenticate: nobody waits for it any more');
}
