/** `session.message` as authors see it. */

import type { Modification } from '../../policy/modification.ts';
import type { Client, EsmtpArgs, Message, Recipient, Sender } from './api.ts';
import type { ParsedMail } from './api-mail.ts';
import { bytesFromLatin1, latin1FromBytes, utf8AsLatin1 } from './bytes.ts';
import { currentEvent } from './current.ts';
import {
  argsFromWire,
  argsToWire,
  checkedMailbox,
  plainMailbox,
  recipientFromWire,
} from './esmtp.ts';
import { MessageHeaders } from './headers.ts';
import { parseMail } from './parse.ts';
import { State } from './state.ts';

/** What a message needs of its session. */
export interface MessageSession {
  readonly phase: string;
  readonly client: Client;
  readonly helo: string | undefined;
  readonly hostname: string | undefined;
  macro(name: string): string | undefined;
  request(operation: string, args: readonly unknown[]): Promise<unknown>;
}

/** A parse, and what it was of. */
interface Parse {
  readonly event: number;
  readonly headers: string;
  readonly body: string | undefined;
  readonly mail: Promise<ParsedMail>;
}

export class SessionMessage implements Message {
  readonly headers: MessageHeaders;
  /** Kept in the host; not for authors. */
  readonly kept: State;
  readonly #session: MessageSession;
  /** As the client gave it. */
  readonly #cameFrom: string;
  #sender: Sender;
  /** A new array for each change, so that an author can change them in a loop over them. */
  #recipients: Recipient[] = [];
  #size: number | undefined;
  #body: string | undefined;
  #parse: Parse | undefined;
  #recorded: Modification[] = [];
  #over = false;
  #lastQueueId: string | undefined;

  constructor(
    session: MessageSession,
    address: string,
    args: readonly string[],
    state: string | undefined,
  ) {
    this.#session = session;
    this.#cameFrom = plainMailbox(address);
    this.#sender = { address: this.#cameFrom, args: argsFromWire(args) };
    this.kept = new State(state);
    this.headers = new MessageHeaders((modification) => this.#record(modification));
  }

  get queueId(): string | undefined {
    return this.#over ? this.#lastQueueId : this.#session.macro('i');
  }

  get sender(): Sender {
    return this.#sender;
  }

  get recipients(): readonly Recipient[] {
    return this.#recipients;
  }

  get size(): number | undefined {
    return this.#size;
  }

  get state(): Record<string, unknown> {
    return this.kept.object;
  }

  async body(): Promise<Uint8Array> {
    if (this.#over) throw new Error('body: this message is over');
    if (this.#body !== undefined) return bytesFromLatin1(this.#body);
    return (await this.#session.request('body', [])) as Uint8Array;
  }

  async raw(): Promise<Uint8Array> {
    const head = bytesFromLatin1(`${this.headers.serialize()}\r\n`);
    const body = await this.body();
    const whole = new Uint8Array(head.length + body.length);
    whole.set(head);
    whole.set(body, head.length);
    return whole;
  }

  async parse(): Promise<ParsedMail> {
    if (this.#over) throw new Error('parse: this message is over');
    const event = currentEvent();
    const headers = this.headers.serialize();
    const known = this.#parse;
    const isSame = known?.event === event && known.headers === headers && known.body === this.#body;
    if (known && isSame) return known.mail;
    const request: MessageSession['request'] = (...asked) => this.#session.request(...asked);
    const mail = parseMail(request, headers, this.#body);
    this.#parse = { event, headers, body: this.#body, mail };
    return mail;
  }

  setSender(address: string, args?: EsmtpArgs): void {
    this.#change({
      kind: 'setSender',
      address: checkedMailbox('setSender', address, true),
      args: argsToWire(args),
    });
  }

  addRecipient(address: string, args?: EsmtpArgs): void {
    this.#change({
      kind: 'addRecipient',
      address: checkedMailbox('addRecipient', address, false),
      args: argsToWire(args),
    });
  }

  deleteRecipient(address: string): void {
    this.#change({
      kind: 'deleteRecipient',
      address: checkedMailbox('deleteRecipient', address, false),
    });
  }

  replaceBody(body: string | Uint8Array): void {
    if (typeof body !== 'string' && !(body instanceof Uint8Array)) {
      throw new TypeError(`replaceBody: expected a text or bytes, got ${typeof body}`);
    }
    const latin1 =
      typeof body === 'string'
        ? utf8AsLatin1(body.replace(/\r?\n|\r/g, '\r\n'))
        : latin1FromBytes(body);
    this.#change({ kind: 'replaceBody', body: latin1 });
  }

  quarantine(reason: string): void {
    if (typeof reason !== 'string' || reason.trim() === '' || /[\0\r\n]/.test(reason)) {
      throw new TypeError('quarantine: expected a reason, one line of text');
    }
    this.#change({ kind: 'quarantine', reason });
  }

  progress(): void {
    this.#requireEom('progress');
    // Nobody waits for the answer; a session that is gone needs none.
    this.#session.request('progress', []).catch(() => {});
  }

  /** The rest is for the guest library. */

  /** Asks about the message and its sender as they came. */
  authenticate(): Promise<unknown> {
    if (this.#over) throw new Error('authenticate: this message is over');
    const { client, helo, hostname } = this.#session;
    const asked = {
      headers: this.headers.serializeCame(),
      client: { address: client.address, hostname: client.hostname },
      helo,
      sender: this.#cameFrom,
      mta: hostname,
    };
    return this.#session.request('authenticate', [asked]);
  }

  learnRecipient(address: string, args: readonly string[]): void {
    this.#recipients.push(recipientFromWire(address, args));
  }

  learnSize(size: number): void {
    this.#size = size;
  }

  /** What an earlier filter changed. */
  apply(modification: Modification): void {
    switch (modification.kind) {
      case 'setSender':
        this.#sender = { address: modification.address, args: argsFromWire(modification.args) };
        return;
      case 'addRecipient':
        this.#recipients = [
          ...this.#recipients,
          recipientFromWire(modification.address, modification.args),
        ];
        return;
      case 'deleteRecipient':
        this.#recipients = this.#recipients.filter(
          ({ address }) => address !== modification.address,
        );
        return;
      case 'replaceBody':
        this.#body = modification.body;
        return;
      case 'quarantine':
        return;
      default:
        this.headers.apply(modification);
    }
  }

  /** What this filter changed, once. */
  takeModifications(): Modification[] {
    const taken = this.#recorded;
    this.#recorded = [];
    return taken;
  }

  /** The message is over; an author who kept it gets errors instead of surprises. */
  end(): void {
    this.#lastQueueId = this.queueId;
    this.#over = true;
  }

  #change(modification: Modification): void {
    this.#record(modification);
    this.apply(modification);
  }

  #record(modification: Modification): void {
    this.#requireEom(modification.kind);
    this.#recorded.push(modification);
  }

  #requireEom(what: string): void {
    if (this.#over) throw new Error(`${what}: this message is over`);
    if (this.#session.phase !== 'eom') {
      throw new Error(
        `${what}: a message can be changed in eom only, this is ${this.#session.phase}`,
      );
    }
  }
}
