/** `sleep` as authors see it. */

import { type Duration, durationMs } from '../../config/units.ts';
import { currentEvent } from './current.ts';
import { request } from './outbox.ts';

export async function sleep(duration: Duration): Promise<void> {
  await request(currentEvent(), 'sleep', [durationMs(duration)]);
}
