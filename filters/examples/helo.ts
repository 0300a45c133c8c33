// Logs what the client says in HELO or EHLO, and how the connection is encrypted.
// After STARTTLS clients say EHLO once more; only then the values of TLS are known.

import { log, type Session } from 'postern';

export function helo(session: Session) {
  const { tls } = session;
  log.info('a client says hello', {
    name: session.helo,
    version: tls?.version,
    cipher: tls?.cipher,
    bits: tls?.bits,
    subject: tls?.subject,
    issuer: tls?.issuer,
  });
}
