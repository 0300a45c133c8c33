/** The commands of a message, from MAIL to its end. */

import type { CommandOf, Reply } from 'net-milter-codec';
import type { Outcome } from '../engine/contract.ts';
import type { Call } from '../policy/event.ts';
import type { Conversation } from './conversation.ts';
import { endOfMessage } from './end-of-message.ts';
import { envelopeTexts, headersFact, mailFact, rawHeader } from './facts.ts';
import { CONTINUE_REPLY, endsMessageAtRcpt, isFinal, replyTo, SKIP_REPLY } from './replies.ts';
import { ProtocolViolation } from './session-port.ts';
import { type MessageLimit, Transaction } from './transaction.ts';

/** What the SMTP client is told where a message exceeds a limit (RFC 3463: 4.3.4, 4.5.3). */
const TOO_BIG: Reply = {
  kind: 'replycode',
  text: '452 4.3.4 The message exceeds a limit of the mail filter',
};
const TOO_MANY: Reply = {
  kind: 'replycode',
  text: '452 4.5.3 Too many recipients for the mail filter',
};

/** The reply may have to wait for filters. */
type Waiting = Promise<void> | undefined;

export class MessageFlow {
  readonly #conversation: Conversation;
  /** Remains after its end until the next one begins: events of it may still be in the pipe. */
  #message: Transaction | undefined;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  /** A message is under way. */
  get open(): boolean {
    return this.#message !== undefined && !this.#message.over;
  }

  /** What was kept of the body of the message under way. */
  bodyBytes(): Uint8Array {
    return this.#message?.body.bytes() ?? NOTHING;
  }

  /** A new MAIL also ends the message before: Sendmail does not always say ABORT. */
  mail(command: CommandOf<'mail'>): Waiting {
    const { filters, agreement, options } = this.#conversation;
    this.#giveUp();
    // Those of MAIL itself came just before it.
    this.#conversation.macros.drop('rcpt');
    if (!agreement.phases.mail.handled) return this.#acknowledge('mail');
    this.#conversation.learnMacros('mail');
    const message = new Transaction(command.args, agreement.body, options.limits);
    this.#message = message;
    filters.learn(mailFact(command));
    return this.#conversation.ask('mail', { phase: 'mail' }, this.#settled(message, isFinal));
  }

  rcpt(command: CommandOf<'rcpt'>): Waiting {
    const { filters, agreement, options } = this.#conversation;
    const message = this.#expected('rcpt');
    if (!message) return this.#acknowledge('rcpt');
    this.#conversation.learnMacros('rcpt');
    if (message.recipients.length >= options.limits.recipients) {
      if (!agreement.phases.rcpt.replies) this.#exceeded(message, 'recipients', TOO_MANY);
      else {
        this.#logExceeded('recipients');
        this.#conversation.send([TOO_MANY]);
      }
      return undefined;
    }
    const texts = envelopeTexts(command);
    const settled = this.#settled(message, endsMessageAtRcpt);
    return this.#conversation.ask('rcpt', { phase: 'rcpt', ...texts }, (outcome) => {
      if (outcome.verdict.kind === 'continue') {
        message.recipients.push(command.address);
        filters.learn({ f: 'recipient', ...texts });
      }
      return settled(outcome);
    });
  }

  data(): Waiting {
    const message = this.#expected('data');
    if (!message) return this.#acknowledge('data');
    this.#conversation.learnMacros('data');
    return this.#conversation.ask('data', { phase: 'data' }, this.#settled(message, isFinal));
  }

  /** Headers are collected: filters get them together when the last one came. */
  header(command: CommandOf<'header'>): Waiting {
    const message = this.#expected('header');
    if (message && message.decision === undefined) {
      const { leadingSpace } = this.#conversation.agreement;
      const exceeded = message.addHeader(rawHeader(command, leadingSpace));
      if (exceeded) this.#exceeded(message, exceeded, TOO_BIG);
    }
    return this.#acknowledge('header');
  }

  eoh(): Waiting {
    const message = this.#expected('eoh');
    if (message) {
      this.#tellHeaders(message);
      this.#conversation.learnMacros('eoh');
      this.#defer(message, { phase: 'eoh' });
    }
    return this.#acknowledge('eoh');
  }

  body(chunk: Buffer): Waiting {
    const { agreement } = this.#conversation;
    const message = this.#expected('body');
    if (message) this.#takeBody(message, chunk);
    if (!agreement.phases.body.replies) return undefined;
    this.#conversation.send([this.#wantsBody() || !agreement.skip ? CONTINUE_REPLY : SKIP_REPLY]);
    return undefined;
  }

  bodyeob(command: CommandOf<'bodyeob'>): Waiting {
    const { agreement } = this.#conversation;
    const message = this.#message;
    if (!message) {
      if (agreement.phases.mail.handled) throw new ProtocolViolation('bodyeob', 'without MAIL');
      this.#conversation.send([CONTINUE_REPLY]);
      return undefined;
    }
    if (message.over) {
      // The MTA goes on with a message that was decided: the decision stands.
      this.#conversation.send([message.decision ?? CONTINUE_REPLY]);
      return undefined;
    }
    // libmilter takes a last piece of the body here.
    if (command.chunk && agreement.phases.body.handled) this.#takeBody(message, command.chunk);
    this.#tellHeaders(message);
    this.#conversation.learnMacros('eom');
    return endOfMessage(this.#conversation, message, () => this.#ended());
  }

  /** The message was given up; nothing happens if none is under way. */
  abort(): void {
    this.#giveUp();
    this.#conversation.macros.drop('mail');
    this.#conversation.options.port.changed();
  }

  #giveUp(): void {
    const { filters } = this.#conversation;
    if (this.open) {
      if (filters.handles('abort')) void this.#conversation.defer({ phase: 'abort' });
      filters.endMessage();
    }
    this.#conversation.macros.endMessage();
    this.#message = undefined;
  }

  /** The message that a command belongs to, if anybody is interested. */
  #expected(phase: 'rcpt' | 'data' | 'header' | 'eoh' | 'body'): Transaction | undefined {
    if (!this.#conversation.agreement.phases[phase].handled) return undefined;
    const { mail } = this.#conversation.agreement.phases;
    if (!this.#message && mail.handled) throw new ProtocolViolation(phase, 'without MAIL');
    return this.#message?.over ? undefined : this.#message;
  }

  #acknowledge(phase: Parameters<Conversation['acknowledge']>[0]): undefined {
    this.#conversation.acknowledge(phase);
  }

  /** Replies with the verdict; one that `ends` the message does so. */
  #settled(message: Transaction, ends: (verdict: Outcome['verdict']) => boolean) {
    return (outcome: Outcome): Reply => {
      const reply = replyTo(outcome.verdict);
      if (ends(outcome.verdict)) {
        message.end(reply);
        this.#ended();
      }
      return reply;
    };
  }

  #wantsBody(): boolean {
    const message = this.#message;
    if (!message || message.decision !== undefined || message.bodySkipped) return false;
    return !message.body.full;
  }

  #takeBody(message: Transaction, chunk: Buffer): void {
    this.#tellHeaders(message);
    if (message.decision !== undefined) return;
    const kept = message.addBody(chunk);
    if (typeof kept === 'string') this.#exceeded(message, kept, TOO_BIG);
    else if (kept.length > 0) this.#defer(message, { phase: 'body', chunks: [kept] });
  }

  /** The headers that filters do not know yet, as one fact and one call. */
  #tellHeaders(message: Transaction): void {
    const { headers, headersTold: from } = message;
    if (message.decision !== undefined || from === headers.length) return;
    this.#conversation.learnMacrosAfter('data');
    this.#conversation.filters.learn(headersFact(headers, from));
    message.headersTold = headers.length;
    this.#defer(message, { phase: 'header', from, to: headers.length });
  }

  /** A call whose verdict is given at the end of the message. */
  #defer(message: Transaction, call: Call): void {
    if (message.decision !== undefined || !this.#conversation.filters.handles(call.phase)) return;
    message.deferred.push(
      this.#conversation.defer(call).then((outcome) => message.settle(outcome)),
    );
  }

  /** Nothing more of this message is kept or shown to filters; its end will be answered so. */
  #exceeded(message: Transaction, limit: MessageLimit, reply: Reply): void {
    this.#logExceeded(limit);
    message.decide(reply);
  }

  #logExceeded(limit: MessageLimit): void {
    const { options, about } = this.#conversation;
    options.log.warn({ ...about, limit: `limits.${limit}` }, 'a message exceeds a limit');
  }

  #ended(): void {
    this.#conversation.filters.endMessage();
    this.#conversation.macros.endMessage();
    this.#conversation.options.port.changed();
  }
}

const NOTHING = Buffer.alloc(0);
