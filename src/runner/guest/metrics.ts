/** `metrics` as authors see it. */

import type { Metrics } from './api.ts';
import { currentEvent } from './current.ts';
import { request } from './outbox.ts';

export const metrics: Metrics = Object.freeze({
  async count(name: string, by = 1, labels: Readonly<Record<string, string>> = {}) {
    const texts = Object.entries(labels).map(([label, value]) => [label, String(value)]);
    await request(currentEvent(), 'metrics.count', [name, by, Object.fromEntries(texts)]);
  },
});
