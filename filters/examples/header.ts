// Logs each header of a message, in order. `text` is unfolded and decoded; `value` would be
// the header as it came.

import { type Header, log, type Session } from 'postern';

export function header(session: Session, header: Header) {
  log.info('a header', {
    queueId: session.message?.queueId,
    name: header.name,
    text: header.text,
  });
}
