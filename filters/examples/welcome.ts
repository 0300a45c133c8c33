// Counts the messages of each client and says so in a header. What `npm start` serves.

import { kv, type Message, type Recipient, reject, type Session } from 'postern';

export function rcpt(_session: Session, recipient: Recipient) {
  if (recipient.address === 'nobody@example.com') {
    return reject(550, '5.1.1', 'There is nobody here by that name');
  }
}

export async function eom(session: Session, message: Message) {
  const client = session.client.address ?? 'local';
  const count = await kv.incr(`messages:${client}`, 1, { ttl: '1d' });
  message.headers.add('X-Postern', `message ${count} from ${client} today`);
}
