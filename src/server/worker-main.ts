/** A worker process: waits for its orders, serves, and ends when its supervisor says so or is gone. */

import { errorFields } from '../milter/logger.ts';
import { openLog } from './log.ts';
import type { ToSupervisor, ToWorker } from './messages.ts';
import { isInputError, Worker } from './worker.ts';

function tell(message: ToSupervisor): void {
  process.send?.(message);
}

let worker: Worker | undefined;

async function start(order: Extract<ToWorker, { type: 'start' }>): Promise<void> {
  process.title = `postern worker ${order.index}`;
  const log = openLog(`worker ${order.index}`);
  process.on('uncaughtException', (error) => {
    log.fatal({ ...errorFields(error), stack: error.stack }, 'a defect in this server');
    process.exit(70);
  });
  try {
    worker = await Worker.start(order, log);
    tell({ type: 'ready', listen: worker.listening, policy: worker.policy });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell({ type: 'failed', message, isInput: isInputError(error) });
  }
}

async function drain(): Promise<void> {
  await worker?.drain();
  process.exit(0);
}

process.on('message', (message: ToWorker) => {
  if (message.type === 'start') start(message);
  else drain();
});
// A terminal sends its signals to the whole group; the supervisor decides what they mean.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
tell({ type: 'hello' });
