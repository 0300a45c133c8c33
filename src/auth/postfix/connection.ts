/**
 * One connection of a policy client, which Postfix keeps open for many requests: each is
 * answered before the next is looked at.
 *
 * ```
 *   idle ── bytes ──> receiving ── empty line ──> answering ── answer ──> idle
 *  idleMs             requestMs                  (the filters' own limits)
 * ```
 */

import type { Socket } from 'node:net';
import type { Outcome } from '../../engine/contract.ts';
import type { Logger } from '../../engine/logger.ts';
import type { Gate } from '../gate.ts';
import { AttributeParser, PolicyRequestError, REQUEST_LIMITS } from './attribute-parser.ts';
import { encodeAnswer, type PolicyAnswer, policyAnswer } from './reply.ts';
import { accessRequest } from './request.ts';

export type PolicyLog = Pick<Logger, 'info' | 'warn' | 'error'>;

export interface PolicyConnectionOptions {
  readonly socket: Socket;
  /** Looked up for each request: connections outlive filters that are loaded anew. */
  readonly gate: () => Gate;
  readonly log: PolicyLog;
  readonly limits: {
    readonly idleMs: number;
    readonly requestMs: number;
    readonly delayMs: number;
  };
  /** The socket is closed. */
  readonly onEnd: () => void;
}

/** While a request is answered, no more than this is read of the next ones. */
const MOST_PENDING_BYTES = REQUEST_LIMITS.requestBytes;

export class PolicyConnection {
  readonly #options: PolicyConnectionOptions;
  readonly #socket: Socket;
  readonly #parser = new AttributeParser();
  /** Aborted when the client is gone. */
  readonly #gone = new AbortController();
  #state: 'idle' | 'receiving' | 'answering' | 'blocked' | 'over' = 'idle';
  #deadline: NodeJS.Timeout | undefined;
  #leaving = false;
  /** Ends the delay of the request that is being answered. */
  #hurry: (() => void) | undefined;

  constructor(options: PolicyConnectionOptions) {
    this.#options = options;
    const { socket } = options;
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#heard(chunk));
    socket.on('drain', () => this.#drained());
    // Who has hung up does not wait for an answer: a process that died looks the same.
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.#broken(error));
    socket.on('close', () => this.#closed());
    this.#await('idle');
  }

  /** Ends it when it is idle, else after the answer to the request that is under way, whose delay is over now. */
  shutdown(): void {
    this.#leaving = true;
    if (this.#state === 'idle') this.#end();
    this.#hurry?.();
  }

  /** Ends it now. */
  destroy(): void {
    this.#over();
    this.#socket.destroy();
  }

  get #about(): object {
    const { remoteAddress } = this.#socket;
    return remoteAddress === undefined ? {} : { mta: remoteAddress };
  }

  #heard(chunk: Buffer): void {
    if (this.#state === 'over') return;
    this.#parser.push(chunk);
    if (this.#state === 'idle' || this.#state === 'receiving') this.#advance();
    else if (this.#parser.pendingBytes > MOST_PENDING_BYTES) this.#socket.pause();
  }

  /** Takes the next request, if it is there. */
  #advance(): void {
    try {
      const attributes = this.#parser.next();
      if (attributes !== undefined) {
        this.#await('answering');
        void this.#answer(accessRequest(attributes));
        return;
      }
    } catch (error) {
      this.#failed(error);
      return;
    }
    const isIdle = this.#parser.isBetweenRequests;
    if (isIdle && this.#leaving) {
      this.#end();
      return;
    }
    // A request has one deadline, however many pieces it comes in.
    if (isIdle || this.#state !== 'receiving') this.#await(isIdle ? 'idle' : 'receiving');
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  async #answer(request: ReturnType<typeof accessRequest>): Promise<void> {
    const { gate, limits } = this.#options;
    try {
      const outcome = await gate().ask({ phase: 'access', request }, { signal: this.#gone.signal });
      const answer = policyAnswer(outcome, request.state, limits.delayMs);
      if (answer.problem !== undefined) this.#tell(answer, outcome, request.queueId);
      if (answer.waitMs > 0 && !this.#leaving && !this.#isOver) await this.#wait(answer.waitMs);
      if (this.#isOver) return;
      this.#write(encodeAnswer(answer.action));
    } catch (error) {
      this.#failed(error);
    }
  }

  get #isOver(): boolean {
    return this.#state === 'over';
  }

  /** After `ms`, or as soon as that makes no sense any more. */
  async #wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = undefined;
  }

  #tell({ problem, action }: PolicyAnswer, { filter }: Outcome, queueId?: string): void {
    this.#options.log.warn(
      { ...this.#about, filter, queueId, problem, answer: action.split(' ', 1)[0] },
      'a verdict that Postfix has no action for',
    );
  }

  #write(answer: Buffer): void {
    if (this.#socket.write(answer)) this.#advance();
    else this.#await('blocked');
  }

  #drained(): void {
    if (this.#state === 'blocked') this.#advance();
  }

  /** From now on this is what the connection is doing, and for how long it may. */
  #await(state: 'idle' | 'receiving' | 'answering' | 'blocked'): void {
    this.#state = state;
    clearTimeout(this.#deadline);
    if (state === 'answering') return;
    const { idleMs, requestMs } = this.#options.limits;
    const ms = state === 'idle' ? idleMs : requestMs;
    this.#deadline = setTimeout(() => this.#tooLate(state, ms), ms);
  }

  #tooLate(state: 'idle' | 'receiving' | 'blocked', ms: number): void {
    const { log } = this.#options;
    const fields = { ...this.#about, ms };
    switch (state) {
      case 'idle':
        log.info(fields, 'closing a policy connection: no request for too long');
        this.#end();
        return;
      case 'receiving':
        log.warn(fields, 'closing a policy connection: a request took too long to come');
        break;
      case 'blocked':
        log.warn(fields, 'closing a policy connection: the client does not take answers');
        break;
      default:
        state satisfies never;
    }
    this.destroy();
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    const { log } = this.#options;
    if (error instanceof PolicyRequestError) {
      const { code, line, message } = error;
      log.warn(
        { ...this.#about, code, line, error: message },
        'closing a policy connection: the client sent a malformed request',
      );
    } else {
      log.error(
        { ...this.#about, error: error instanceof Error ? error.message : String(error) },
        'closing a policy connection: a defect in this server',
      );
    }
    this.#end();
  }

  #ended(): void {
    if (this.#isOver) return;
    if (this.#state === 'receiving') {
      const fields = { ...this.#about, bytes: this.#parser.pendingBytes };
      this.#options.log.warn(fields, 'a policy connection ended inside a request');
    }
    this.#end();
  }

  #broken({ message }: Error): void {
    if (!this.#isOver) {
      this.#options.log.info({ ...this.#about, error: message }, 'a policy connection broke');
    }
    this.#over();
  }

  /** Closes after what was answered has gone out. */
  #end(): void {
    this.#over();
    this.#socket.end(() => this.#socket.destroy());
    // Who takes no answers does not hear of the end, either.
    this.#deadline = setTimeout(() => this.#socket.destroy(), this.#options.limits.requestMs);
  }

  #closed(): void {
    this.#over();
    this.#options.onEnd();
  }

  #over(): void {
    this.#state = 'over';
    clearTimeout(this.#deadline);
    this.#gone.abort();
    this.#hurry?.();
  }
}
