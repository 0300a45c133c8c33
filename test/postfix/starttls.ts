/** An SMTP client that turns to TLS with STARTTLS (RFC 3207). */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { SmtpClient } from '../harness/smtp-client.ts';
import { SmtpWire } from '../harness/smtp-wire.ts';

const TIMEOUT_MS = 15_000;

/** Connects, says EHLO and STARTTLS; the client is one that has yet to say EHLO again. */
export async function connectWithStartTls(
  port: number,
  tls: Omit<ConnectionOptions, 'socket' | 'host' | 'port'>,
): Promise<SmtpClient> {
  const plain = connect({ port, host: '127.0.0.1', noDelay: true });
  try {
    await lastLine(plain, '220 ');
    plain.write('EHLO before-tls.test\r\n');
    await lastLine(plain, '250 ');
    plain.write('STARTTLS\r\n');
    const ready = await lastLine(plain, '220 ');
    const secure = connectTls({ ...tls, socket: plain });
    await once(secure, 'secureConnect');
    const greeting = { code: 220, lines: [ready.slice(4)], text: ready };
    return new SmtpClient(new SmtpWire(secure, TIMEOUT_MS), greeting);
  } catch (error) {
    plain.destroy();
    throw error;
  }
}

/** Reads up to the line that begins so. Nothing may be read beyond it: that is TLS already. */
async function lastLine(socket: Socket, beginning: string): Promise<string> {
  let text = '';
  for (;;) {
    const [chunk] = (await once(socket, 'data', { signal: AbortSignal.timeout(TIMEOUT_MS) })) as [
      Buffer,
    ];
    text += chunk.toString('latin1');
    const lines = text.split('\r\n');
    const found = lines.find((line) => line.startsWith(beginning));
    if (found !== undefined && text.endsWith('\r\n')) return found;
    if (lines.some((line) => /^[45]\d\d /.test(line))) throw new Error(text.trimEnd());
  }
}
