/** Opens milter sessions and says HELO in each at a fixed pace, spread evenly over time. */

import { setTimeout as delay } from 'node:timers/promises';
import { MilterClient } from '../../src/testing/milter-client.ts';
import type { LoadAnswer, LoadOrder } from './messages.ts';

function tell(answer: LoadAnswer): void {
  process.send?.(answer);
}

async function open(listen: string): Promise<MilterClient> {
  const client = await MilterClient.connect(listen);
  await client.negotiate();
  await client.connectInfo();
  return client;
}

let failed = 0;

/** One session: its HELOs are due at fixed times, whenever the one before was answered. */
async function converse(
  client: MilterClient,
  order: LoadOrder,
  firstAt: number,
): Promise<number[]> {
  const { helo, everyMs, lastsMs } = order;
  const tookMs: number[] = [];
  for (let dueAt = firstAt; dueAt < firstAt + lastsMs; dueAt += everyMs) {
    await delay(Math.max(0, dueAt - performance.now()));
    const sentAt = performance.now();
    const reply = await client.helo(helo);
    if (reply?.kind !== 'continue') failed += 1;
    tookMs.push(performance.now() - sentAt);
  }
  return tookMs;
}

async function run(order: LoadOrder): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: order.sessions }, () => open(order.listen)),
  );
  tell({ is: 'open' });
  const startAt = performance.now() + 100;
  const took = await Promise.all(
    clients.map((client, index) =>
      converse(client, order, startAt + (order.everyMs * index) / order.sessions),
    ),
  );
  for (const client of clients) client.destroy();
  tell({ is: 'done', tookMs: took.flat(), failed });
  process.disconnect();
}

process.once('message', (order: LoadOrder) => {
  run(order).catch((error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
});
