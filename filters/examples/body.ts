// Logs how the body of a message begins, then skips the rest. The MTA is asked for no more
// than the first KB: what nobody looks at need not be sent.

import { log, type Session, skip } from 'postern';

export const options = { body: '1KB' };

export function body(_session: Session, chunk: Uint8Array) {
  const [firstLine] = new TextDecoder().decode(chunk).split('\r\n');
  log.info('the body begins', { bytes: chunk.length, firstLine });
  return skip();
}
