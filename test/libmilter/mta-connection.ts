/**
 * The MTA's end of a milter connection, as bytes: what comes back is cut into packets and
 * looked at no further, so that nothing of Postern's own codec judges Postern's replies.
 */

import { connect, type Socket } from 'node:net';

/** How long an owed reply may take. On a machine that does anything at all it takes milliseconds. */
const REPLY_MS = 8_000;

/** One packet without its length: the code and its data, one character a byte (latin1). */
export type Packet = string;

export class MtaConnection {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #reads = 0;
  #isClosed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#reads += 1;
      this.#wake();
    });
    // A peer that closes while something is written to it is an answer too.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  static open(path: string): Promise<MtaConnection> {
    const socket = connect({ path });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => resolve(new MtaConnection(socket)));
    });
  }

  /** How many pieces have come: no more than the filter has made writes. */
  get reads(): number {
    return this.#reads;
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** No more is sent; what comes back is still heard. */
  end(): void {
    this.#socket.end();
  }

  /** The next packet; `undefined` if the filter closed instead. Rejects if neither happens. */
  async next(): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#take();
      if (packet !== undefined || this.#isClosed) return packet;
      await this.#somethingHappens();
    }
  }

  /** Everything until the filter closes. */
  async rest(): Promise<Packet[]> {
    const packets: Packet[] = [];
    for (;;) {
      const packet = await this.next();
      if (packet === undefined) break;
      packets.push(packet);
    }
    if (this.#bytes.length > 0) packets.push(`cut short: ${this.#bytes.toString('latin1')}`);
    return packets;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(): Packet | undefined {
    if (this.#bytes.length < 4) return undefined;
    const end = 4 + this.#bytes.readUInt32BE(0);
    if (this.#bytes.length < end) return undefined;
    const packet = this.#bytes.subarray(4, end);
    this.#bytes = this.#bytes.subarray(end);
    return packet.toString('latin1');
  }

  async #somethingHappens(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new Error(`no reply and no end of the connection within ${REPLY_MS} ms`)),
      REPLY_MS,
    );
    this.#wake = resolve;
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }
}
