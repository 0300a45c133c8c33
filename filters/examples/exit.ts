// Counts messages and says how many there were when the server ends. The count is in the store:
// there are several runners, and each of them says goodbye.

import { kv, log } from 'postern';

export async function eom() {
  await kv.incr('messages', 1, { ttl: '1d' });
}

export async function exit() {
  const messages = (await kv.get('messages')) ?? 0;
  log.info('goodbye', { messages });
}
