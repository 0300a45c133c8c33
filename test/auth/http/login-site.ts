/** A login server with a real engine behind it, and raw connections to it. */

import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Gate } from '../../../src/auth/gate.ts';
import { LoginServer, type LoginServerOptions } from '../../../src/auth/http/server.ts';
import { DEFAULT_LOGIN_LIMITS, type LoginLimits } from '../../../src/auth/limits.ts';
import { Lists } from '../../../src/auth/lists.ts';
import { EngineUnderTest } from '../../engine/engine-under-test.ts';

export type SiteOptions = Partial<Omit<LoginServerOptions, 'limits'>> & {
  readonly limits?: Partial<LoginLimits>;
};

export interface HttpAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

export class LoginSite {
  readonly under: EngineUnderTest;
  readonly server: LoginServer;
  readonly port: number;
  readonly lines: { level: string; fields: Record<string, unknown>; text: string }[];
  readonly #sockets = new Set<Socket>();

  private constructor(
    under: EngineUnderTest,
    server: LoginServer,
    port: number,
    lines: LoginSite['lines'],
  ) {
    this.under = under;
    this.server = server;
    this.port = port;
    this.lines = lines;
  }

  static async start(filter: string, { limits, ...more }: SiteOptions = {}): Promise<LoginSite> {
    const under = await EngineUnderTest.start([{ name: 'filter', source: filter }]);
    const lines: LoginSite['lines'] = [];
    const at = (level: string) => (fields: object, text: string) => {
      lines.push({ level, fields: fields as Record<string, unknown>, text });
    };
    const server = new LoginServer({
      gate: new Gate(under.engine),
      log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
      trustedLoopback: true,
      nginx: { server: { host: '192.0.2.10', port: 143 } },
      lists: new Lists(under.store),
      ...more,
      limits: { ...DEFAULT_LOGIN_LIMITS, ...limits },
    });
    const address = await server.listen({ host: '127.0.0.1', port: 0 });
    return new LoginSite(under, server, (address as AddressInfo).port, lines);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.server.close({ graceMs: 1000 });
    await this.under.stop();
  }

  async socket(port = this.port): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    this.#sockets.add(socket);
    // What the server cuts off is what the tests are about.
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  /** One request on a connection of its own, and all that comes until the server hangs up. */
  async raw(bytes: string | Buffer): Promise<string> {
    const socket = await this.socket();
    socket.write(bytes);
    return untilClosed(socket);
  }

  async post(
    path: string,
    body: string | object,
    headers: Record<string, string> = {},
  ): Promise<HttpAnswer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.#request('POST', path, text, headers);
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return this.#request('GET', path, '', headers);
  }

  async #request(method: string, path: string, body: string, headers: Record<string, string>) {
    const socket = await this.socket();
    const all = {
      Host: 'x',
      Connection: 'close',
      'Content-Length': `${Buffer.byteLength(body)}`,
      ...headers,
    };
    const head = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    socket.write([`${method} ${path} HTTP/1.1`, ...head, '', body].join('\r\n'));
    return parse(await untilClosed(socket));
  }
}

export async function untilClosed(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

export function parse(answer: string): HttpAnswer {
  const [head = '', ...body] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body: body.join('\r\n\r\n') };
}
