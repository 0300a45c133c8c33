/**
 * The dialogue on one milter connection, without its socket: commands in, replies out.
 * Commands are taken strictly in order; while one waits for filters, the next ones queue.
 */

import type { Command, CommandOf } from 'net-milter-codec';
import { errorFields } from './logger.ts';
import { needsOf } from './needs.ts';
import { type Agreement, negotiate } from './negotiate.ts';
import { type CloseReason, ProtocolViolation, type SessionOptions } from './session-port.ts';
import { Talk } from './talk.ts';

type State =
  /** Nothing was negotiated. */
  | { readonly is: 'new' }
  /** Negotiated; no SMTP connection is under way (after QUIT_NC). */
  | { readonly is: 'free'; readonly agreement: Agreement }
  | { readonly is: 'talking'; readonly talk: Talk }
  | { readonly is: 'closed' };

export class Session {
  readonly #options: SessionOptions;
  readonly #queue: Command[] = [];
  #state: State = { is: 'new' };
  #waiting = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Commands that wait, and calls that are under way without anybody waiting for them. */
  get backlog(): number {
    const outstanding = this.#state.is === 'talking' ? this.#state.talk.outstanding : 0;
    return this.#queue.length + outstanding;
  }

  /** A reply is owed: filters work on it. */
  get isWaiting(): boolean {
    return this.#waiting;
  }

  /** No message is under way and no reply is owed. */
  get betweenMessages(): boolean {
    if (this.#waiting || this.#queue.length > 0) return false;
    return this.#state.is !== 'talking' || !this.#state.talk.inMessage;
  }

  /** Nothing was negotiated yet: what fails now may not be a milter client at all. */
  get isNew(): boolean {
    return this.#state.is === 'new';
  }

  /** For log lines. */
  get about(): object {
    return this.#state.is === 'talking' ? this.#state.talk.about : {};
  }

  receive(command: Command): void {
    if (this.#state.is === 'closed') return;
    if (this.#waiting) this.#queue.push(command);
    else this.#take(command);
  }

  /** The MTA closed the connection or cannot be reached: filters hear of it, nothing is sent. */
  vanish(): void {
    this.#close((talk) => talk.vanish());
  }

  /** The server ends the connection, between messages. */
  leave(): void {
    this.#close(() => {});
  }

  #close(before: (talk: Talk) => void): void {
    const state = this.#state;
    // First of all: what filters are told now must not lead here again.
    this.#state = { is: 'closed' };
    this.#queue.length = 0;
    if (state.is !== 'talking') return;
    before(state.talk);
    state.talk.end();
  }

  #take(command: Command): void {
    try {
      const waiting = this.#handle(command);
      if (waiting === undefined) return;
      this.#waiting = true;
      waiting.then(
        () => this.#resume(),
        (error: unknown) => this.#fail(error, command),
      );
    } catch (error) {
      this.#fail(error, command);
    }
  }

  #resume(): void {
    this.#waiting = false;
    while (!this.#waiting) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      this.#take(next);
    }
    this.#options.port.changed();
  }

  #fail(error: unknown, command: Command): void {
    this.#waiting = false;
    if (this.#state.is === 'closed') return;
    const { log } = this.#options;
    const fields = { ...this.about, command: command.kind, ...errorFields(error) };
    if (error instanceof ProtocolViolation) {
      log.warn(fields, 'closing a connection: the MTA strays from the protocol');
      this.#leaveFor('violation');
    } else {
      const stack = error instanceof Error ? error.stack : undefined;
      log.error({ ...fields, stack }, 'closing a connection: a defect in this server');
      this.#leaveFor('defect');
    }
  }

  #leaveFor(reason: CloseReason): void {
    this.leave();
    this.#options.port.close(reason);
  }

  #handle(command: Command): Promise<void> | undefined {
    switch (command.kind) {
      case 'optneg':
        this.#negotiate(command);
        return undefined;
      case 'quit':
        this.#leaveFor('quit');
        return undefined;
      case 'quitNc':
        this.#quitNc();
        return undefined;
      case 'connect':
        this.#expectOneConnect();
        return this.#talkFor(command).take(command);
      default:
        return this.#talkFor(command).take(command);
    }
  }

  #negotiate(offer: CommandOf<'optneg'>): void {
    const state = this.#state;
    if (state.is === 'talking' && state.talk.begun) {
      throw new ProtocolViolation('optneg', 'in the middle of a session');
    }
    const { engine, scope, log, port } = this.#options;
    const negotiated = negotiate(offer, needsOf(scope.map((index) => engine.filters[index]!)));
    if (!negotiated.ok) {
      log.warn({ ...this.about, reason: negotiated.reason }, 'closing a connection: no agreement');
      this.#leaveFor('refused');
      return;
    }
    if (state.is === 'talking') state.talk.end();
    const talk = new Talk(this.#options, negotiated.agreement);
    this.#state = { is: 'talking', talk };
    port.send([negotiated.reply]);
  }

  /** QUIT without closing: another SMTP connection may follow, under the same agreement. */
  #quitNc(): void {
    if (this.#state.is !== 'talking') return;
    const { talk } = this.#state;
    this.#state = { is: 'free', agreement: talk.agreement };
    talk.end();
  }

  #expectOneConnect(): void {
    if (this.#state.is !== 'talking' || !this.#state.talk.connected) return;
    this.#options.log.warn(this.about, 'a second CONNECT without QUIT_NC begins a new session');
    this.#quitNc();
  }

  /** The SMTP connection under way; begins one if need be. */
  #talkFor(command: Command): Talk {
    const state = this.#state;
    if (state.is === 'talking') return state.talk;
    if (state.is !== 'free') throw new ProtocolViolation(command.kind, 'before OPTNEG');
    const talk = new Talk(this.#options, state.agreement);
    this.#state = { is: 'talking', talk };
    return talk;
  }
}
