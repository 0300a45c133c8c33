/**
 * The dialogue on one milter connection, without its socket: commands in, replies out.
 * Commands are taken strictly in order; while one waits for filters, the next ones queue.
 */

import type { Command, CommandOf } from 'net-milter-codec';
import { decodeText } from 'net-milter-codec';
import { isDeferredPhase } from '../policy/phases.ts';
import { Conversation } from './conversation.ts';
import { connectFact, heloFact } from './facts.ts';
import { errorFields } from './logger.ts';
import { MessageFlow } from './message-flow.ts';
import { type NegotiablePhase, needsOf } from './needs.ts';
import { type Agreement, negotiate } from './negotiate.ts';
import { CONTINUE_REPLY, isFinal, replyTo } from './replies.ts';
import { type CloseReason, ProtocolViolation, type SessionOptions } from './session-port.ts';

type State =
  /** Nothing was negotiated. */
  | { readonly is: 'new' }
  /** Negotiated; no SMTP connection is under way (after QUIT_NC). */
  | { readonly is: 'free'; readonly agreement: Agreement }
  | { readonly is: 'talking'; readonly talk: Talk }
  | { readonly is: 'closed' };

/** One SMTP connection. */
interface Talk {
  readonly conversation: Conversation;
  readonly messages: MessageFlow;
  /** CONNECT came. */
  connected: boolean;
  /** Some command came, so it is too late to negotiate again. */
  begun: boolean;
}

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
    const outstanding =
      this.#state.is === 'talking' ? this.#state.talk.conversation.outstanding : 0;
    return this.#queue.length + outstanding;
  }

  /** A reply is owed: filters work on it. */
  get isWaiting(): boolean {
    return this.#waiting;
  }

  /** No message is under way and no reply is owed. */
  get betweenMessages(): boolean {
    if (this.#waiting || this.#queue.length > 0) return false;
    return this.#state.is !== 'talking' || !this.#state.talk.messages.open;
  }

  /** Nothing was negotiated yet: what fails now may not be a milter client at all. */
  get isNew(): boolean {
    return this.#state.is === 'new';
  }

  /** For log lines. */
  get about(): object {
    return this.#state.is === 'talking' ? this.#state.talk.conversation.about : {};
  }

  receive(command: Command): void {
    if (this.#state.is === 'closed') return;
    if (this.#waiting) this.#queue.push(command);
    else this.#take(command);
  }

  /** The MTA closed the connection or cannot be reached: filters hear of it, nothing is sent. */
  vanish(): void {
    this.#close((talk) => talk.conversation.vanish());
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
    endTalk(state.talk);
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
      log.error(
        { ...fields, stack: error instanceof Error ? error.stack : undefined },
        'closing a connection: a defect in this server',
      );
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
        return this.#negotiate(command);
      case 'quit':
        this.#leaveFor('quit');
        return undefined;
      case 'quitNc':
        return this.#quitNc();
      case 'connect':
        return this.#connect(command);
      default:
        return this.#talk(command);
    }
  }

  #negotiate(offer: CommandOf<'optneg'>): undefined {
    if (this.#state.is === 'talking' && this.#state.talk.begun) {
      throw new ProtocolViolation('optneg', 'in the middle of a session');
    }
    const { engine, scope, log, port } = this.#options;
    const negotiated = negotiate(offer, needsOf(scope.map((index) => engine.filters[index]!)));
    if (!negotiated.ok) {
      log.warn({ ...this.about, reason: negotiated.reason }, 'closing a connection: no agreement');
      this.#leaveFor('refused');
      return;
    }
    if (this.#state.is === 'talking') endTalk(this.#state.talk);
    this.#state = { is: 'free', agreement: negotiated.agreement };
    this.#startTalk();
    port.send([negotiated.reply]);
  }

  /** QUIT without closing: another SMTP connection may follow, under the same agreement. */
  #quitNc(): undefined {
    if (this.#state.is !== 'talking') return;
    const { talk } = this.#state;
    this.#state = { is: 'free', agreement: talk.conversation.agreement };
    endTalk(talk);
  }

  #connect(command: CommandOf<'connect'>): Promise<void> | undefined {
    if (this.#state.is === 'talking' && this.#state.talk.connected) {
      this.#options.log.warn(this.about, 'a second CONNECT without QUIT_NC begins a new session');
      this.#quitNc();
    }
    const talk = this.#startTalk('connect');
    talk.connected = true;
    talk.begun = true;
    const { conversation } = talk;
    conversation.learnMacros('connect');
    const fact = connectFact(command);
    if (fact.f === 'connect') conversation.client = fact.address || fact.hostname;
    if (!conversation.agreement.phases.connect.handled) return this.#acknowledge(talk, 'connect');
    conversation.filters.learn(fact);
    return conversation.ask('connect', { phase: 'connect' }, this.#settled(conversation));
  }

  #talk(
    command: Exclude<Command, CommandOf<'optneg' | 'quit' | 'quitNc' | 'connect'>>,
  ): Promise<void> | undefined {
    const talk = this.#startTalk(command.kind);
    talk.begun = true;
    const { conversation, messages } = talk;
    if (command.kind === 'macro') {
      conversation.macros.receive(command);
      return undefined;
    }
    if (conversation.decision !== undefined) return this.#repeatDecision(talk, command.kind);
    switch (command.kind) {
      case 'helo':
        return this.#helo(talk, command);
      case 'mail':
        return messages.mail(command);
      case 'rcpt':
        return messages.rcpt(command);
      case 'data':
        return messages.data();
      case 'header':
        return messages.header(command);
      case 'eoh':
        return messages.eoh();
      case 'body':
        return messages.body(command.chunk);
      case 'bodyeob':
        return messages.bodyeob(command);
      case 'abort':
        messages.abort();
        return undefined;
      case 'unknown':
        return this.#unknown(talk, command);
      default:
        return command satisfies never;
    }
  }

  /** HELO and EHLO also end a message (RFC 5321 section 4.1.4). */
  #helo(talk: Talk, command: CommandOf<'helo'>): Promise<void> | undefined {
    const { conversation, messages } = talk;
    messages.abort();
    conversation.learnMacros('helo');
    if (!conversation.agreement.phases.helo.handled) return this.#acknowledge(talk, 'helo');
    conversation.filters.learn(heloFact(command));
    return conversation.ask('helo', { phase: 'helo' }, this.#settled(conversation));
  }

  #unknown(talk: Talk, command: CommandOf<'unknown'>): Promise<void> | undefined {
    talk.conversation.learnMacrosAfter('helo');
    const text = decodeText(command.command);
    return talk.conversation.ask('unknown', { phase: 'unknown', command: text }, (outcome) =>
      replyTo(outcome.verdict),
    );
  }

  #acknowledge(talk: Talk, phase: 'connect' | 'helo'): undefined {
    talk.conversation.acknowledge(phase);
  }

  /** At connect and helo a verdict holds for the connection. */
  #settled(conversation: Conversation): Parameters<Conversation['ask']>[2] {
    return ({ verdict }) => {
      const reply = replyTo(verdict);
      if (isFinal(verdict)) conversation.decision = reply;
      return reply;
    };
  }

  /** MTAs send nothing more after such a verdict; should one, it hears the same again. */
  #repeatDecision(talk: Talk, kind: NegotiablePhase | 'bodyeob' | 'abort'): undefined {
    const { conversation } = talk;
    const { decision, agreement } = conversation;
    if (kind === 'abort' || decision === undefined) return;
    const due = kind === 'bodyeob' || agreement.phases[kind].replies;
    if (!due) return;
    const isRepeated = decision.kind !== 'accept' && (kind === 'bodyeob' || !isDeferredPhase(kind));
    conversation.send([isRepeated ? decision : CONTINUE_REPLY]);
  }

  /** The SMTP connection under way; begins one if need be. */
  #startTalk(command = 'optneg'): Talk {
    const state = this.#state;
    if (state.is === 'talking') return state.talk;
    if (state.is !== 'free') throw new ProtocolViolation(command, 'before OPTNEG');
    // The filters may look at the body only once there is a message, so the cycle is no harm.
    const conversation: Conversation = new Conversation(this.#options, state.agreement, () =>
      messages.bodyBytes(),
    );
    const messages: MessageFlow = new MessageFlow(conversation);
    const talk = { conversation, messages, connected: false, begun: false };
    this.#state = { is: 'talking', talk };
    return talk;
  }
}

/** Filters hear of the end: of the message if one is under way, and of the connection. */
function endTalk({ messages, conversation }: Talk): void {
  messages.abort();
  conversation.end();
}
