/** The thread that parses messages, one after the other. */

import { parentPort } from 'node:worker_threads';
import type { ParseError, ThreadAnswer, ThreadOrder } from './limits.ts';
import { parseMessage } from './outcome.ts';

const port = parentPort!;

function say(answer: ThreadAnswer, transfer: ArrayBuffer[] = []): void {
  port.postMessage(answer, transfer);
}

port.on('message', ({ id, message, limits }: ThreadOrder) => {
  parseMessage(id, new Uint8Array(message), limits).then(
    (parsed) => say({ kind: 'parsed', parsed }, [parsed.contents]),
    ({ code, message: why }: ParseError) => say({ kind: 'failed', code, message: why }),
  );
});

say({ kind: 'ready' });
