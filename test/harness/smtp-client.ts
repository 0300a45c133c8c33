/** An SMTP client whose every step a test can choose. */

import { dataContent } from './smtp-content.ts';
import type { Reply } from './smtp-reply.ts';
import { SmtpWire } from './smtp-wire.ts';

export type { Reply } from './smtp-reply.ts';

/** How to connect. */
export type SmtpClientOptions = {
  /** How long the server may take for a reply. */
  readonly timeoutMs?: number | undefined;
};

/** What Postfix shall believe about the client, by the names of its XCLIENT command. */
export type XclientAttributes = Readonly<
  Partial<
    Record<
      | 'ADDR'
      | 'DESTADDR'
      | 'DESTPORT'
      | 'HELO'
      | 'LOGIN'
      | 'NAME'
      | 'PORT'
      | 'PROTO'
      | 'REVERSE_NAME',
      string
    >
  >
>;

const DEFAULT_TIMEOUT_MS = 15_000;

/** A client after the greeting. A refusal is a reply as any other, not an error. */
export class SmtpClient {
  readonly greeting: Reply;
  readonly #wire: SmtpWire;

  /** Connects to loopback and waits for the greeting, whatever its code. */
  static async connect(port: number, options: SmtpClientOptions = {}): Promise<SmtpClient> {
    const wire = await SmtpWire.open(port, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    return new SmtpClient(wire, await wire.reply());
  }

  constructor(wire: SmtpWire, greeting: Reply) {
    this.#wire = wire;
    this.greeting = greeting;
  }

  /** Resolves when the connection is over, from whichever side. */
  get closed(): Promise<void> {
    return this.#wire.closed;
  }

  /** Sends one line, to which the line end is added, and gives the reply. */
  command(line: string): Promise<Reply> {
    this.#wire.write(`${line}\r\n`);
    return this.#wire.reply();
  }

  /** Sends all lines in one write, before any of their replies is read. */
  pipeline(lines: readonly string[]): Promise<readonly Reply[]> {
    this.#wire.write(lines.map((line) => `${line}\r\n`).join(''));
    return Promise.all(lines.map(() => this.#wire.reply()));
  }

  ehlo(name = 'client.test'): Promise<Reply> {
    return this.command(`EHLO ${name}`);
  }

  helo(name = 'client.test'): Promise<Reply> {
    return this.command(`HELO ${name}`);
  }

  /** @param args ESMTP parameters such as `SIZE=1000` */
  mail(address: string, args: readonly string[] = []): Promise<Reply> {
    return this.command([`MAIL FROM:<${address}>`, ...args].join(' '));
  }

  /** @param args ESMTP parameters such as `NOTIFY=NEVER` */
  rcpt(address: string, args: readonly string[] = []): Promise<Reply> {
    return this.command([`RCPT TO:<${address}>`, ...args].join(' '));
  }

  /** DATA and the message; the reply is the one to DATA when that is refused. */
  async data(message: string | Buffer): Promise<Reply> {
    const reply = await this.command('DATA');
    return reply.code === 354 ? this.content(message) : reply;
  }

  /** The message after a 354 reply, with the end mark; see {@link dataContent}. */
  content(message: string | Buffer): Promise<Reply> {
    this.#wire.write(dataContent(message));
    return this.#wire.reply();
  }

  /** Sends these bytes and waits for nothing. */
  write(bytes: string | Buffer): void {
    this.#wire.write(bytes);
  }

  /** The next reply, for what was sent with {@link write}. */
  reply(): Promise<Reply> {
    return this.#wire.reply();
  }

  /** Changes who Postfix thinks we are. The session starts anew: the reply is a greeting. */
  xclient(attributes: XclientAttributes): Promise<Reply> {
    const words = Object.entries(attributes).map(([name, value]) => {
      const needsPrefix = /ADDR$/.test(name) && value.includes(':') && !/^ipv6:/i.test(value);
      return `${name}=${xtext(needsPrefix ? `IPV6:${value}` : value)}`;
    });
    return this.command(['XCLIENT', ...words].join(' '));
  }

  rset(): Promise<Reply> {
    return this.command('RSET');
  }

  /** Says goodbye, and hangs up after the reply. */
  async quit(): Promise<Reply> {
    const reply = await this.command('QUIT');
    this.destroy();
    return reply;
  }

  /** Vanishes without a word. */
  destroy(): void {
    this.#wire.destroy();
  }
}

/** RFC 3461, section 4: whatever is not printable ASCII, and `+` and `=`, as `+` and hex digits. */
function xtext(value: string): string {
  return Buffer.from(value)
    .toString('latin1')
    .replace(/[^!-~]|[+=]/g, (byte) => {
      const hex = byte.charCodeAt(0).toString(16).toUpperCase();
      return `+${hex.padStart(2, '0')}`;
    });
}
