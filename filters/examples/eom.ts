// Logs which message ended, when and on which host, and changes it: a header is added, one sender
// becomes another, and who writes to one address also writes to another.

import { log, type Message, type Session } from 'postern';

export function eom(session: Session, message: Message) {
  log.info('a message ended', {
    hostname: session.hostname,
    queueId: message.queueId,
    time: new Date().toISOString(),
  });
  message.headers.add('X-Pmilter', 'Enable');
  if (message.sender.address === 'change-from@example.com') {
    message.setSender('new-from@example.com');
  }
  if (message.recipients.some(({ address }) => address === 'add-to@example.com')) {
    message.addRecipient('new-to@example.com');
  }
}
