/** `session.message` as authors see it. */

import type { Modification } from '../../policy/modification.ts';
import type { EsmtpArgs, Message, Recipient, Sender } from './api.ts';
import { bytesFromLatin1, latin1FromBytes, utf8AsLatin1 } from './bytes.ts';
import {
  argsFromWire,
  argsToWire,
  checkedMailbox,
  plainMailbox,
  recipientFromWire,
} from './esmtp.ts';
import { MessageHeaders } from './headers.ts';
import { State } from './state.ts';

/** What a message needs of its session. */
export interface MessageSession {
  readonly phase: string;
  macro(name: string): string | undefined;
  request(operation: string, args: readonly unknown[]): Promise<unknown>;
}

export class SessionMessage implements Message {
  readonly headers: MessageHeaders;
  /** Kept in the host; not for authors. */
  readonly kept: State;
  readonly #session: MessageSession;
  #sender: Sender;
  /** A new array for each change, so that an author can change them in a loop over them. */
  #recipients: Recipient[] = [];
  #size: number | undefined;
  #body: string | undefined;
  #recorded: Modification[] = [];
  #over = false;

  constructor(
    session: MessageSession,
    address: string,
    args: readonly string[],
    state: string | undefined,
  ) {
    this.#session = session;
    this.#sender = { address: plainMailbox(address), args: argsFromWire(args) };
    this.kept = new State(state);
    this.headers = new MessageHeaders((modification) => this.#record(modification));
  }

  get queueId(): string | undefined {
    return this.#session.macro('i');
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

  /** The rest is for the dispatcher. */

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
