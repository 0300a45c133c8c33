/**
 * An MTA in a script: it says what it is told and keeps to what was negotiated, as Postfix
 * and Sendmail do. Texts are given as texts, bytes as latin1 strings through `send`.
 */

import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type Command,
  encodeCommand,
  encodeText,
  type Family,
  MILTER_CHUNK_SIZE,
  type Reply,
  type ReplyOf,
  SMFI_CURR_ACTS,
  SMFI_CURR_PROT,
  SMFI_PROT_VERSION,
  SMFIP,
} from 'net-milter-codec';
import { type ListenAddress, parseListen } from '../milter/address.ts';
import type { MacroStage } from '../policy/macros.ts';
import { COMMAND_OF_STAGE, FINAL_REPLIES, NEGOTIATED_BITS } from './negotiated-bits.ts';
import { ReplyInbox } from './reply-inbox.ts';

export interface MilterOffer {
  readonly version?: number;
  /** SMFIF_* bits. */
  readonly actions?: number;
  /** SMFIP_* bits. */
  readonly protocol?: number;
}

export interface MilterClientOptions {
  /** Also send what the filter does not want, and expect no fewer replies for it. */
  readonly ignoreNo?: boolean;
}

export interface ClientInfo {
  readonly hostname?: string;
  readonly family?: Family;
  readonly address?: string;
  readonly port?: number;
}

/** The end of a message: what the filter changed, and its last word. */
export interface EndOfMessage {
  readonly modifications: readonly Reply[];
  readonly final: Reply;
  /** How many signs of life came before. */
  readonly progress: number;
}

export class MilterClient {
  readonly #stream: Duplex;
  readonly #options: MilterClientOptions;
  readonly #inbox: ReplyInbox;
  #protocol = 0;

  constructor(stream: Duplex, options: MilterClientOptions = {}) {
    this.#stream = stream;
    this.#options = options;
    this.#inbox = new ReplyInbox(stream);
  }

  /** Resolves when the filter has closed the connection. */
  get closed(): Promise<void> {
    return this.#inbox.closed;
  }

  /** Connects to a listener: an address, or its spelling such as `inet:127.0.0.1:9900`. */
  static connect(
    address: ListenAddress | string,
    options?: MilterClientOptions,
  ): Promise<MilterClient> {
    const target = typeof address === 'string' ? parseListen(address) : address;
    const socket =
      target.kind === 'unix'
        ? connect({ path: target.path })
        : connect({ port: target.port, host: target.host ?? 'localhost', noDelay: true });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new MilterClient(socket, options));
      });
    });
  }

  /** Offers everything, unless told otherwise; the answer holds for what is sent later. */
  async negotiate(offer: MilterOffer = {}): Promise<ReplyOf<'optneg'>> {
    const {
      version = SMFI_PROT_VERSION,
      actions = SMFI_CURR_ACTS,
      protocol = SMFI_CURR_PROT,
    } = offer;
    this.send({ kind: 'optneg', version, actions, protocol });
    const reply = await this.next();
    if (reply.kind !== 'optneg') throw new Error(`expected OPTNEG, got ${reply.kind}`);
    this.#protocol = reply.protocol;
    return reply;
  }

  /** Macros for the next command of a stage, by their names on the wire (`i`, `{auth_type}`). */
  macros(stage: MacroStage, values: Readonly<Record<string, string>>): void {
    this.send({
      kind: 'macro',
      command: String.fromCharCode(COMMAND_OF_STAGE[stage]),
      values: Object.entries(values).map(([name, value]) => [encodeText(name), encodeText(value)]),
    });
  }

  /** `undefined`, here and below: it was not sent, or the filter does not answer it. */
  connectInfo(info: ClientInfo = {}): Promise<Reply | undefined> {
    const { hostname = 'mx.example.org', family = 'inet', port = 25_025 } = info;
    const { address = family === 'inet6' ? '2001:db8::7' : '192.0.2.7' } = info;
    return this.#command({
      kind: 'connect',
      hostname: encodeText(hostname),
      family,
      port,
      address: encodeText(address),
    });
  }

  helo(name = 'mx.example.org'): Promise<Reply | undefined> {
    return this.#command({ kind: 'helo', name: encodeText(name) });
  }

  mail(address: string, ...args: string[]): Promise<Reply | undefined> {
    return this.#command({
      kind: 'mail',
      address: inAngles(address),
      args: args.map(encodeText),
    });
  }

  rcpt(address: string, ...args: string[]): Promise<Reply | undefined> {
    return this.#command({
      kind: 'rcpt',
      address: inAngles(address),
      args: args.map(encodeText),
    });
  }

  data(): Promise<Reply | undefined> {
    return this.#command({ kind: 'data' });
  }

  unknown(command: string): Promise<Reply | undefined> {
    return this.#command({ kind: 'unknown', command: encodeText(command) });
  }

  /** `value` without the space after the colon; it is sent where that was negotiated. */
  header(name: string, value: string): Promise<Reply | undefined> {
    const space = (this.#protocol & SMFIP.HDR_LEADSPC) !== 0 ? ' ' : '';
    return this.#command({
      kind: 'header',
      name: encodeText(name),
      value: space + encodeText(value),
    });
  }

  eoh(): Promise<Reply | undefined> {
    return this.#command({ kind: 'eoh' });
  }

  /** In chunks; the rest stays unsent when the filter has had enough. Gives the last reply. */
  async body(body: Uint8Array | string): Promise<Reply | undefined> {
    const bytes = Buffer.from(body);
    let reply: Reply | undefined;
    for (let at = 0; at < bytes.length; at += MILTER_CHUNK_SIZE) {
      const chunk = bytes.subarray(at, at + MILTER_CHUNK_SIZE);
      reply = await this.#command({ kind: 'body', chunk });
      if (reply !== undefined && reply.kind !== 'continue') break;
    }
    return reply;
  }

  /** The end of the message, with everything up to the final reply. */
  async eom(): Promise<EndOfMessage> {
    this.send({ kind: 'bodyeob' });
    const modifications: Reply[] = [];
    let progress = 0;
    for (;;) {
      const reply = await this.next();
      if (FINAL_REPLIES.has(reply.kind)) return { modifications, final: reply, progress };
      if (reply.kind === 'progress') progress += 1;
      else modifications.push(reply);
    }
  }

  abort(): void {
    this.send({ kind: 'abort' });
  }

  quitNc(): void {
    this.send({ kind: 'quitNc' });
  }

  /** Says QUIT and waits until the filter has closed. */
  quit(): Promise<void> {
    this.send({ kind: 'quit' });
    return this.closed;
  }

  /** Closes without a word, after what was sent. */
  end(): void {
    this.#stream.end();
  }

  /** Vanishes without a word. */
  destroy(): void {
    this.#stream.destroy();
  }

  /** A command, or any bytes, whatever was negotiated. */
  send(what: Command | Uint8Array): void {
    this.#stream.write(what instanceof Uint8Array ? what : encodeCommand(what));
  }

  /** The next reply. Rejects when the filter closes. */
  next(): Promise<Reply> {
    return this.#inbox.next();
  }

  /** Rejects if a reply is there or comes within this time. */
  async expectNoReply(withinMs = 20): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, withinMs));
    const reply = this.#inbox.unread;
    if (reply !== undefined) throw new Error(`expected no reply, got ${reply.kind}`);
  }

  async #command(command: Command): Promise<Reply | undefined> {
    const bits = NEGOTIATED_BITS[command.kind] ?? { no: 0, nr: 0 };
    if ((this.#protocol & bits.no) !== 0 && !this.#options.ignoreNo) return undefined;
    this.send(command);
    return (this.#protocol & bits.nr) === 0 ? this.next() : undefined;
  }
}

function inAngles(address: string): string {
  return encodeText(address.startsWith('<') ? address : `<${address}>`);
}
