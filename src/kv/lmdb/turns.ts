/** Turns among the processes of a machine. */

import { createServer, type Server } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** A turn is a matter of milliseconds; whoever waits longer goes ahead without. */
const MAX_WAIT_MS = 10_000;

/**
 * Runs `task` while no other process of this machine runs one of the same `name`. A turn
 * ends with the process that has it, however that ends. Where the kernel offers nothing
 * of the kind (anywhere but on Linux), the task runs at once.
 */
export async function inTurn<Result>(
  name: string,
  task: () => Result | Promise<Result>,
): Promise<Result> {
  if (process.platform !== 'linux') return task();
  const until = performance.now() + MAX_WAIT_MS;
  let turn = await take(name);
  while (turn === undefined && performance.now() < until) {
    await setTimeout(1 + Math.random() * 10);
    turn = await take(name);
  }
  try {
    return await task();
  } finally {
    await new Promise<void>((resolve) => (turn ? turn.close(() => resolve()) : resolve()));
  }
}

/** A Unix socket without a file: one process can have it, and the kernel takes it back. */
function take(name: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((connection) => connection.destroy());
    server.once('error', () => resolve(undefined));
    server.listen(`\0postern ${name}`, () => resolve(server));
  });
}
