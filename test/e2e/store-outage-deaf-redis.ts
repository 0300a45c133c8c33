/** A server that takes connections for a Redis and does not answer. */

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export class DeafRedis {
  readonly #server: Server;
  /** What was received and not answered, by the connections that are open. */
  readonly #waiting = new Map<Socket, number>();
  connections = 0;
  /** The most calls that were under way here, and the most connections, at any moment. */
  mostWaiting = 0;
  mostConnections = 0;

  private constructor(neverAnswers: 'anything' | 'a call') {
    this.#server = createServer((socket) => {
      this.#waiting.set(socket, 0);
      this.connections += 1;
      this.mostConnections = Math.max(this.mostConnections, this.#waiting.size);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#waiting.delete(socket));
      socket.on('data', (bytes) => this.#hear(socket, bytes.toString('latin1'), neverAnswers));
    });
  }

  /** `a call`: it answers what a client says of itself when it connects. */
  static async start(neverAnswers: 'anything' | 'a call'): Promise<DeafRedis> {
    const deaf = new DeafRedis(neverAnswers);
    deaf.#server.listen(0, '127.0.0.1');
    await once(deaf.#server, 'listening');
    return deaf;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#waiting.keys()) socket.destroy();
    await closed;
  }

  /** Commands are small and leave whole, so each begins in the piece that has its name. */
  #hear(socket: Socket, text: string, neverAnswers: 'anything' | 'a call'): void {
    for (const [, name] of text.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
      if (neverAnswers === 'a call' && name!.toLowerCase() === 'client') socket.write('+OK\r\n');
      else this.#waiting.set(socket, (this.#waiting.get(socket) ?? 0) + 1);
    }
    const waiting = [...this.#waiting.values()].reduce((sum, many) => sum + many, 0);
    this.mostWaiting = Math.max(this.mostWaiting, waiting);
  }
}
