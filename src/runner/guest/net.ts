/** `net` as authors see it; the worker connects, where the filter's options allow it. */

import type { Duration } from '../../config/units.ts';
import { durationMs } from '../../config/units.ts';
import type { Net } from './api-network.ts';
import { currentEvent } from './current.ts';
import { request } from './outbox.ts';

const DEFAULT_MS = 5000;

export const net: Net = Object.freeze({
  async canConnect(host: string, port: number, ms: Duration = DEFAULT_MS) {
    if (typeof host !== 'string')
      throw new TypeError(`net.canConnect: expected a host, got ${typeof host}`);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new TypeError(`net.canConnect: expected a port, got ${String(port)}`);
    const waitMs = durationMs(ms);
    if (!(waitMs > 0)) throw new TypeError('net.canConnect: expected a time longer than nothing');
    return (await request(currentEvent(), 'net.canConnect', [host, port, waitMs])) as boolean;
  },
});
