/** The commands of one SMTP connection, and the filters that hear of it. */

import { type Command, type CommandOf, decodeText } from 'net-milter-codec';
import { isDeferredPhase } from '../policy/phases.ts';
import { Conversation } from './conversation.ts';
import { connectFact, heloFact } from './facts.ts';
import { MessageFlow } from './message-flow.ts';
import type { NegotiablePhase } from './needs.ts';
import type { Agreement } from './negotiate.ts';
import { CONTINUE_REPLY, isFinal, replyTo } from './replies.ts';
import type { SessionOptions } from './session-port.ts';

/** What belongs to an SMTP connection; the rest is about the milter connection. */
export type TalkCommand = Exclude<Command, CommandOf<'optneg' | 'quit' | 'quitNc'>>;

/** The reply may have to wait for filters. */
type Waiting = Promise<void> | undefined;

export class Talk {
  readonly #conversation: Conversation;
  readonly #messages: MessageFlow;
  #connected = false;
  #begun = false;

  constructor(options: SessionOptions, agreement: Agreement) {
    // Filters ask for the body only once there is a message, so the cycle does no harm.
    this.#conversation = new Conversation(options, agreement, () => this.#messages.bodyBytes());
    this.#messages = new MessageFlow(this.#conversation);
  }

  get agreement(): Agreement {
    return this.#conversation.agreement;
  }

  /** CONNECT came. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Some command came: it is too late to negotiate again. */
  get begun(): boolean {
    return this.#begun;
  }

  /** A message is under way. */
  get inMessage(): boolean {
    return this.#messages.open;
  }

  /** Calls under way that nobody waits for yet. */
  get outstanding(): number {
    return this.#conversation.outstanding;
  }

  /** For log lines. */
  get about(): object {
    return this.#conversation.about;
  }

  take(command: TalkCommand): Waiting {
    this.#begun = true;
    // Also where all was said at HELO: the next CONNECT is another client.
    if (command.kind === 'connect') this.#connected = true;
    const { macros, decision } = this.#conversation;
    const messages = this.#messages;
    if (command.kind === 'macro') {
      macros.receive(command);
      return undefined;
    }
    if (decision !== undefined) return this.#repeat(decision, command.kind);
    switch (command.kind) {
      case 'connect':
        return this.#connect(command);
      case 'helo':
        return this.#helo(command);
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
        return this.#unknown(command);
      default:
        return command satisfies never;
    }
  }

  /** The MTA vanished: nothing is sent any more, and what runs is cancelled. */
  vanish(): void {
    this.#conversation.vanish();
  }

  /** Filters hear of the end: of the message if one is under way, and of the connection. */
  end(): void {
    this.#messages.abort();
    this.#conversation.end();
  }

  #connect(command: CommandOf<'connect'>): Waiting {
    const conversation = this.#conversation;
    conversation.learnMacros('connect');
    const fact = connectFact(command);
    conversation.client = fact.address || fact.hostname;
    if (!conversation.agreement.phases.connect.handled) return this.#acknowledge('connect');
    conversation.filters.learn(fact);
    return conversation.ask('connect', { phase: 'connect' }, this.#settled);
  }

  /** HELO and EHLO also end a message (RFC 5321 section 4.1.4). */
  #helo(command: CommandOf<'helo'>): Waiting {
    const conversation = this.#conversation;
    this.#messages.abort();
    conversation.learnMacros('helo');
    if (!conversation.agreement.phases.helo.handled) return this.#acknowledge('helo');
    conversation.filters.learn(heloFact(command));
    return conversation.ask('helo', { phase: 'helo' }, this.#settled);
  }

  #unknown(command: CommandOf<'unknown'>): Waiting {
    this.#conversation.learnMacrosAfter('helo');
    const text = decodeText(command.command);
    return this.#conversation.ask('unknown', { phase: 'unknown', command: text }, (outcome) =>
      replyTo(outcome.verdict),
    );
  }

  #acknowledge(phase: NegotiablePhase): undefined {
    this.#conversation.acknowledge(phase);
  }

  /** At connect and helo a verdict holds for the connection. */
  readonly #settled: Parameters<Conversation['ask']>[2] = ({ verdict }) => {
    const reply = replyTo(verdict);
    if (isFinal(verdict)) this.#conversation.decision = reply;
    return reply;
  };

  /** MTAs send nothing more after such a verdict; should one, it hears the same again. */
  #repeat(
    decision: NonNullable<Conversation['decision']>,
    kind: NegotiablePhase | 'bodyeob' | 'abort',
  ): undefined {
    if (kind === 'abort') return;
    const { agreement } = this.#conversation;
    const due = kind === 'bodyeob' || agreement.phases[kind].replies;
    if (!due) return;
    const isRepeated = decision.kind !== 'accept' && (kind === 'bodyeob' || !isDeferredPhase(kind));
    this.#conversation.send([isRepeated ? decision : CONTINUE_REPLY]);
  }
}
