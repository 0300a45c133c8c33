import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { HttpCapability, type HttpOptions } from '../../../src/capabilities/http/http.ts';

/** What a server saw of a request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
  /** The client's port: one connection, one port. */
  readonly port: number;
}

/** Web servers on loopback and the capability under test, all closed by `close`. */
export class Web {
  /** Everything that any of the servers was asked, in order. */
  readonly seen: Seen[] = [];
  readonly lookedUp: string[] = [];
  readonly #closing: (() => unknown)[] = [];

  /** Gives its port. The body of each request is read before `listener` is called. */
  async serve(listener: RequestListener, address = '127.0.0.1'): Promise<number> {
    const server = createServer(async (request, response) => {
      const body: Buffer[] = [];
      for await (const chunk of request) body.push(chunk as Buffer);
      this.seen.push({
        method: request.method!,
        url: request.url!,
        headers: request.headers,
        body: Buffer.concat(body).toString(),
        port: request.socket.remotePort!,
      });
      listener(request, response);
    });
    return this.listen(server, address);
  }

  async listen(server: Server | import('node:net').Server, address = '127.0.0.1'): Promise<number> {
    server.listen(0, address);
    await once(server, 'listening');
    this.#closing.push(() => {
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
    });
    return (server.address() as { port: number }).port;
  }

  /** `names`: what they lead to. Default limits are such that no test reaches them by accident. */
  http(
    names: Readonly<Record<string, readonly string[]>> = {},
    options: Partial<HttpOptions> = {},
  ): HttpCapability {
    const http = new HttpCapability({
      bytes: 1_000_000,
      timeoutMs: 20_000,
      redirects: 3,
      lookup: async (host) => {
        this.lookedUp.push(host);
        return (names[host] ?? []).map((address) => ({
          address,
          family: address.includes(':') ? 6 : 4,
        }));
      },
      ...options,
    });
    this.#closing.push(() => http.close());
    return http;
  }

  close(): void {
    for (const close of this.#closing.splice(0).reverse()) close();
  }
}

/** The context of a filter that may talk to these hosts. */
export const allowing = (...hosts: string[]) => ({ hosts, signal: new AbortController().signal });

/** The context of a filter that may talk to loopback. */
export const LOCAL = allowing('127.0.0.1');
