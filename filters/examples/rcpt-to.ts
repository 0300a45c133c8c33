// Logs each recipient: as the client wrote it, and as the MTA resolved it.

import { log, type Recipient, type Session } from 'postern';

export function rcpt(session: Session, recipient: Recipient) {
  log.info('a recipient', {
    address: recipient.address,
    resolved: session.macro('rcpt_addr'),
    mailer: session.macro('rcpt_mailer'),
  });
}
