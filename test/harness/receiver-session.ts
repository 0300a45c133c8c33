/** The dialogue of the receiver with one client: bytes in, replies out, no sockets. */

import { type EnvelopeRecipient, ReceivedMessage } from './received-message.ts';

/** What a session tells, and what it asks. */
export type SessionEvents = {
  readonly onMessage: (message: ReceivedMessage) => void;
  /** Every command and every reply, for error messages. */
  readonly onLine: (line: string) => void;
  /** A reply to a command, or to the end of a message (`.`), instead of the usual one. */
  readonly answer: (command: string) => string | undefined;
};

type Transaction = {
  readonly sender: string;
  readonly senderArgs: readonly string[];
  readonly recipients: EnvelopeRecipient[];
};

const EXTENSIONS = ['PIPELINING', 'SIZE 104857600', '8BITMIME', 'SMTPUTF8', 'DSN'];

/** A quoted local part may have `>` in it. */
const PATH = /^<((?:"(?:[^"\\]|\\.)*"|[^">])*)>(?: +(.*))?$/;

/** One session. All text inside is latin1, so that no byte is lost. */
export class ReceiverSession {
  readonly #events: SessionEvents;
  #unfinished = '';
  #transaction: Transaction | undefined;
  /** The lines of the message while it comes. */
  #content: string[] | undefined;
  #over = false;

  constructor(events: SessionEvents) {
    this.#events = events;
  }

  /** Whether the client has said goodbye. */
  get over(): boolean {
    return this.#over;
  }

  greet(): string {
    return this.#say('220 receiver.test ESMTP');
  }

  /** Takes bytes that end anywhere; gives the replies to what is complete. */
  push(chunk: Buffer): string {
    const lines = (this.#unfinished + chunk.toString('latin1')).split('\r\n');
    this.#unfinished = lines.pop() ?? '';
    return lines.map((line) => this.#takeLine(line)).join('');
  }

  #takeLine(line: string): string {
    if (!this.#content) return this.#takeCommand(line);
    if (line === '.') return this.#endContent(this.#content);
    this.#content.push(line.startsWith('.') ? line.slice(1) : line);
    return '';
  }

  #takeCommand(line: string): string {
    this.#events.onLine(`C: ${line}`);
    return this.#say(this.#events.answer(line) ?? this.#reply(line));
  }

  #reply(line: string): string {
    const verb = line.split(' ', 1)[0]?.toUpperCase();
    switch (verb) {
      case 'EHLO':
        this.#transaction = undefined;
        return ['250-receiver.test', ...EXTENSIONS.map((each) => `250-${each}`)]
          .join('\r\n')
          .replace(/250-([^\r]*)$/, '250 $1');
      case 'HELO':
      case 'RSET':
        this.#transaction = undefined;
        return '250 2.0.0 Ok';
      case 'NOOP':
        return '250 2.0.0 Ok';
      case 'MAIL':
        return this.#mail(line);
      case 'RCPT':
        return this.#rcpt(line);
      case 'DATA':
        return this.#data();
      case 'QUIT':
        this.#over = true;
        return '221 2.0.0 Bye';
      default:
        return '500 5.5.2 Unknown command';
    }
  }

  #mail(line: string): string {
    if (this.#transaction) return '503 5.5.1 MAIL was given already';
    const path = parsePath(/^MAIL FROM: *(.*)$/i.exec(line)?.[1]);
    if (!path) return '501 5.5.4 Expected MAIL FROM:<address>';
    this.#transaction = { sender: path.address, senderArgs: path.args, recipients: [] };
    return '250 2.1.0 Ok';
  }

  #rcpt(line: string): string {
    if (!this.#transaction) return '503 5.5.1 MAIL comes first';
    const path = parsePath(/^RCPT TO: *(.*)$/i.exec(line)?.[1]);
    if (!path) return '501 5.5.4 Expected RCPT TO:<address>';
    this.#transaction.recipients.push(path);
    return '250 2.1.5 Ok';
  }

  #data(): string {
    if (!this.#transaction?.recipients.length) return '503 5.5.1 RCPT comes first';
    this.#content = [];
    return '354 End data with <CR><LF>.<CR><LF>';
  }

  #endContent(lines: readonly string[]): string {
    const transaction = this.#transaction;
    this.#content = undefined;
    this.#transaction = undefined;
    this.#events.onLine(`C: (${lines.length} lines of content)`);
    const refusal = this.#events.answer('.');
    if (refusal !== undefined) return this.#say(refusal);
    const data = Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
    if (transaction) this.#events.onMessage(new ReceivedMessage(transaction, data));
    return this.#say('250 2.0.0 Kept');
  }

  #say(reply: string): string {
    for (const line of reply.split('\r\n')) this.#events.onLine(`S: ${line}`);
    return `${reply}\r\n`;
  }
}

function parsePath(text: string | undefined): EnvelopeRecipient | undefined {
  const match = PATH.exec(text ?? '');
  if (!match) return undefined;
  const [, address = '', args = ''] = match;
  return {
    address: Buffer.from(address, 'latin1').toString('utf8'),
    args: args.split(' ').filter((each) => each !== ''),
  };
}
