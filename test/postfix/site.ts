/** Postern and a Postfix that asks it in whatever way a test chooses, and the next hop. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type Postfix,
  type PostfixService,
  type Settings,
  startPostfix,
} from '../harness/postfix.ts';
import { type Receiver, startReceiver } from '../harness/receiver.ts';
import { SmtpClient } from '../harness/smtp-client.ts';
import { type SendOptions, send, type Transcript } from '../harness/smtp-session.ts';
import { Postern, type PosternOptions } from './postern.ts';

/** How Postfix is set up. */
export interface PostfixSide<Service extends string> {
  /** main.cf. */
  readonly settings?: Settings;
  /** One smtpd each. */
  readonly services: Readonly<Record<Service, PostfixService>>;
}

export interface SiteOptions<Filter extends string, Service extends string>
  extends PosternOptions<Filter> {
  /** Gets the addresses of the filters' listeners. */
  readonly postfix: (milters: Readonly<Record<Filter, string>>) => PostfixSide<Service>;
}

export class Site<Filter extends string, Service extends string> {
  readonly postern: Postern<Filter>;
  readonly postfix: Postfix;
  readonly receiver: Receiver;
  readonly #services: readonly Service[];

  private constructor(
    postern: Postern<Filter>,
    postfix: Postfix,
    receiver: Receiver,
    services: readonly Service[],
  ) {
    this.postern = postern;
    this.postfix = postfix;
    this.receiver = receiver;
    this.#services = services;
  }

  static async start<Filter extends string, Service extends string>(
    options: SiteOptions<Filter, Service>,
  ): Promise<Site<Filter, Service>> {
    const stops: (() => Promise<unknown>)[] = [];
    try {
      const receiver = await startReceiver();
      stops.unshift(() => receiver.close());
      const postern = await Postern.start(options);
      stops.unshift(() => postern.stop());
      const { services, settings = {} } = options.postfix(postern.milters);
      const names = Object.keys(services) as Service[];
      const postfix = await startPostfix({
        receiverPort: receiver.port,
        services: names.map((name) => services[name]),
        settings,
      });
      return new Site(postern, postfix, receiver, names);
    } catch (error) {
      for (const stop of stops) await stop();
      throw error;
    }
  }

  port(service: Service): number {
    return this.postfix.ports[this.#services.indexOf(service)]!;
  }

  connect(service: Service): Promise<SmtpClient> {
    return SmtpClient.connect(this.port(service));
  }

  /** Sends one message through a service; what is not said is usual. */
  send(service: Service, options: Partial<Omit<SendOptions, 'port'>> = {}): Promise<Transcript> {
    return send({
      port: this.port(service),
      from: 'sender@example.org',
      to: 'recipient@example.com',
      message: 'Subject: A message\r\n\r\nHello.\r\n',
      ...options,
    });
  }

  /** Hands a message to Postfix's sendmail command, as a local program does. */
  async sendmail(args: readonly string[], message: string): Promise<void> {
    const config = join(this.postfix.directory, 'etc');
    const running = promisify(execFile)('/usr/sbin/sendmail', ['-C', config, ...args]);
    running.child.stdin?.end(message);
    await running;
  }

  /** Ends everything, whatever state it is in. */
  async stop(): Promise<void> {
    await this.postfix.stop();
    await this.postern.stop();
    await this.receiver.close();
  }
}
