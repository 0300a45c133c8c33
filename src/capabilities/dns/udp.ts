/** One query in one datagram, from a socket of its own: a port that nobody can guess (RFC 5452). */

import { createSocket, type RemoteInfo } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { addressBytes } from '../address.ts';
import { type Query, type Reply, readReply } from './message.ts';
import type { DnsServer } from './server.ts';

/** How asking a server once ended. */
export type Outcome =
  | Exclude<Reply, { readonly kind: 'foreign' }>
  | { readonly kind: 'timeout' }
  | { readonly kind: 'unreachable'; readonly why: string };

export interface AskOptions {
  readonly timeoutMs: number;
  /** Ends the waiting as a time-out does. */
  readonly signal: AbortSignal;
}

export function askUdp(server: DnsServer, query: Query, options: AskOptions): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => finish({ kind: 'timeout' }), options.timeoutMs);
    const onAbort = () => finish({ kind: 'timeout' });
    let isOver = false;

    const finish = (outcome: Outcome) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      socket.close();
      resolve(outcome);
    };
    const fail = (error: Error | null | undefined) => {
      if (error) finish({ kind: 'unreachable', why: codeOf(error) });
    };

    socket.on('error', fail);
    socket.on('message', (bytes, from) => {
      if (isOver || !isFrom(server, from)) return;
      const reply = readReply(query, bytes);
      if (reply.kind !== 'foreign') finish(reply);
    });
    options.signal.addEventListener('abort', onAbort, { once: true });
    // A connected socket hears of its server only, and of the port that nobody listens on.
    socket.connect(server.port, server.address, (error?: Error) => {
      if (error) fail(error);
      else if (!isOver) socket.send(query.bytes, fail);
    });
    if (options.signal.aborted) onAbort();
  });
}

/** A datagram can lie in the buffer from before the socket was connected. */
function isFrom(server: DnsServer, from: RemoteInfo): boolean {
  if (from.port !== server.port) return false;
  const [here, there] = [withoutZone(server.address), withoutZone(from.address)].map(addressBytes);
  return here !== undefined && there !== undefined && Buffer.compare(here, there) === 0;
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, '');
}

/** The system's word for what went wrong. */
export function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? error.name;
}
