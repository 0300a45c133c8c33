/** One query over TCP, for answers that no datagram holds (RFC 7766). */

import { connect } from 'node:net';
import { type Query, readReply } from './message.ts';
import type { DnsServer } from './server.ts';
import { type AskOptions, codeOf, type Outcome } from './udp.ts';

/** Each message begins with its length (RFC 1035 section 4.2.2). */
const LENGTH_BYTES = 2;

export function askTcp(server: DnsServer, query: Query, options: AskOptions): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: server.address, port: server.port, noDelay: true });
    const timer = setTimeout(() => finish({ kind: 'timeout' }), options.timeoutMs);
    const onAbort = () => finish({ kind: 'timeout' });
    let received = Buffer.alloc(0);

    const finish = (outcome: Outcome) => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(outcome);
    };

    options.signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => finish({ kind: 'unreachable', why: codeOf(error) }));
    socket.on('close', () => finish({ kind: 'unreachable', why: 'it closed the connection' }));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < LENGTH_BYTES) return;
      const end = LENGTH_BYTES + received.readUInt16BE(0);
      if (received.length < end) return;
      const reply = readReply(query, received.subarray(LENGTH_BYTES, end));
      // Nobody but the server speaks on this connection: another answer is a wrong one.
      if (reply.kind === 'foreign') finish({ kind: 'failed', why: 'a broken answer' });
      else finish(reply);
    });
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt16BE(query.bytes.length);
    socket.write(Buffer.concat([length, query.bytes]));
    if (options.signal.aborted) onAbort();
  });
}
