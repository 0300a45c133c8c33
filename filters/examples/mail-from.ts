// Logs the envelope sender and the SMTP login behind it, and refuses one sender.

import { log, reject, type Session } from 'postern';

const REFUSED = 'spam-from@example.com';

export function mail(session: Session) {
  const { auth, message } = session;
  const sender = message?.sender.address;
  log.info('a message begins', {
    sender,
    resolved: session.macro('mail_addr'),
    user: auth?.user,
    author: auth?.author,
    type: auth?.type,
  });
  if (sender === REFUSED) return reject(550, '5.7.1', 'Mail from this sender is refused');
}
