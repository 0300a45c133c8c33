/** A DNS server on loopback whose every answer a test decides. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import { type Answer, decode, encode, type Packet } from 'dns-packet';

export type Transport = 'udp' | 'tcp';

export interface Asked {
  readonly name: string;
  readonly type: string;
  readonly transport: Transport;
  readonly id: number;
  /** The port that it came from. */
  readonly from: number;
  readonly hasEdns: boolean;
}

/** What goes back: records, a message of one's own making, several messages, or nothing. */
export type Given =
  | {
      readonly answers?: readonly Answer[];
      readonly authorities?: readonly Answer[];
      readonly rcode?: number;
      readonly truncated?: boolean;
    }
  | Buffer
  | readonly Buffer[]
  | 'silence';

export type Answering = (asked: Asked, query: Packet) => Given | Promise<Given>;

export const NXDOMAIN = 3;
export const SERVFAIL = 2;
const TRUNCATED = 0x0200;

export class DnsServer extends EventEmitter<{ asked: [Asked] }> {
  /** Everything that was asked, in order. */
  readonly asked: Asked[] = [];
  readonly port: number;
  readonly #udp: UdpSocket;
  readonly #tcp: TcpServer;
  readonly #connections = new Set<Socket>();
  answering: Answering;

  private constructor(udp: UdpSocket, tcp: TcpServer, port: number, answering: Answering) {
    super();
    this.#udp = udp;
    this.#tcp = tcp;
    this.port = port;
    this.answering = answering;
    udp.on('message', (bytes, from) => {
      void this.#answer(bytes, 'udp', from.port, (reply) =>
        udp.send(reply, from.port, from.address),
      );
    });
    tcp.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        void this.#answer(bytes.subarray(2), 'tcp', socket.remotePort ?? 0, (reply) => {
          const length = Buffer.alloc(2);
          length.writeUInt16BE(reply.length);
          // In two pieces that arrive apart: the reader has to put them together.
          socket.setNoDelay();
          socket.write(Buffer.concat([length, reply.subarray(0, 5)]));
          setTimeout(() => socket.write(reply.subarray(5)), 20);
        });
      });
    });
  }

  static async start(answering: Answering, address = '127.0.0.1'): Promise<DnsServer> {
    for (;;) {
      const tcp = createServer().listen(0, address);
      await once(tcp, 'listening');
      const { port } = tcp.address() as { port: number };
      const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      udp.bind(port, address);
      try {
        await once(udp, 'listening');
        return new DnsServer(udp, tcp, port, answering);
      } catch {
        // The port is another program's over UDP.
        tcp.close();
      }
    }
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** How often this was asked. */
  count(name: string, type?: string): number {
    return this.asked.filter((one) => one.name === name && (!type || one.type === type)).length;
  }

  /** Sends a datagram that answers nothing that was asked here. */
  async say(bytes: Buffer, port: number, address = '127.0.0.1'): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#udp.send(bytes, port, address, (error) => (error ? reject(error) : resolve()));
    });
  }

  async close(): Promise<void> {
    this.#udp.close();
    for (const socket of this.#connections) socket.destroy();
    this.#tcp.close();
    await once(this.#tcp, 'close');
  }

  async #answer(
    bytes: Buffer,
    transport: Transport,
    from: number,
    send: (reply: Buffer) => void,
  ): Promise<void> {
    const query = decode(bytes);
    const { name, type } = query.questions![0]!;
    const hasEdns = (query.additionals ?? []).some((record) => record.type === 'OPT');
    const asked = { name, type, transport, id: query.id!, from, hasEdns };
    this.asked.push(asked);
    this.emit('asked', asked);
    const given = await this.answering(asked, query);
    if (given === 'silence') return;
    if (Buffer.isBuffer(given)) return send(given);
    if (Array.isArray(given)) return given.forEach((one: Buffer) => void send(one));
    send(response(query, given as Exclude<Given, Buffer | readonly Buffer[] | 'silence'>));
  }
}

/** The bytes of an answer to a query. */
export function response(
  query: Packet,
  given: Exclude<Given, Buffer | readonly Buffer[] | 'silence'>,
): Buffer {
  return encode({
    type: 'response',
    id: query.id!,
    flags: (given.rcode ?? 0) | (given.truncated ? TRUNCATED : 0),
    questions: query.questions!,
    answers: [...(given.answers ?? [])],
    authorities: [...(given.authorities ?? [])],
  });
}

/** Answers from a list of records: aliases are followed, what is not there has the SOA of 300 s. */
export function zone(records: readonly Answer[]): Answering {
  return ({ name, type }) => {
    const answers: Answer[] = [];
    let owner = name;
    for (;;) {
      const owned = records.filter((record) => record.name === owner);
      const wanted = owned.filter((record) => record.type === type);
      answers.push(...wanted);
      const alias = owned.find((record) => record.type === 'CNAME');
      if (wanted.length > 0) return { answers };
      if (alias?.type !== 'CNAME') {
        return { answers, authorities: [soa(300)], rcode: owned.length > 0 ? 0 : NXDOMAIN };
      }
      answers.push(alias);
      owner = alias.data;
    }
  };
}

/** The record that says how long something is known not to be there. */
export function soa(minimum: number, ttl = 3600): Answer {
  return {
    type: 'SOA',
    name: 'test',
    ttl,
    data: { mname: 'ns.test', rname: 'root.test', serial: 1, minimum },
  };
}
