/** A server with scripted filters behind a real socket, for one test. */

import { connect, type Socket } from 'node:net';
import { DEFAULT_LIMITS, type Limits } from '../../src/config/limits.ts';
import type { FilterDescription } from '../../src/engine/contract.ts';
import { MilterServer } from '../../src/milter/server.ts';
import type { Timers } from '../../src/milter/timers.ts';
import { MilterClient } from '../../src/testing/milter-client.ts';
import { FakeLog } from './dialogue.ts';
import { FakeEngine, type Script } from './fake-engine.ts';

export const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Setting {
  readonly limits?: Partial<Limits>;
  readonly timers?: Timers;
  readonly listen?: string;
}

export async function serve(
  filters: readonly FilterDescription[],
  script?: Script,
  setting: Setting = {},
) {
  const engine = new FakeEngine(filters, script);
  const log = new FakeLog();
  const { listen = 'inet:127.0.0.1:0', limits, timers } = setting;
  const server = await MilterServer.open({
    config: { milter: { listeners: [{ listen }] }, limits: { ...DEFAULT_LIMITS, ...limits } },
    engine,
    log,
    ...(timers && { timers }),
  });
  cleanups.push(() => server.close({ graceMs: 0 }));
  const [address] = server.addresses;
  const client = async () => {
    const made = await MilterClient.connect(address!);
    cleanups.push(() => made.destroy());
    return made;
  };
  /** A socket that speaks no protocol by itself. */
  const raw = async (): Promise<Socket> => {
    if (address?.kind !== 'tcp') throw new Error('expected TCP');
    const socket = connect({ port: address.port, host: '127.0.0.1' });
    cleanups.push(() => socket.destroy());
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  };
  return { engine, log, server, client, raw };
}

export const closed = (socket: Socket) =>
  new Promise<void>((resolve) => {
    socket.resume();
    socket.once('close', () => resolve());
  });

/** Waits for something that has no event of its own. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
