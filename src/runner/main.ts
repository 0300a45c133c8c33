/**
 * The process in which filters run. It has a socket to its worker and a journal, and nothing
 * else: no network, no files, no secrets, an empty environment. It may die at any time.
 */

import { Socket } from 'node:net';
import type { FilterOptions } from '../policy/options.ts';
import { Dispatcher, type HostedFilter } from './dispatcher.ts';
import { type FrameReader, FrameSplitter, FrameWriter } from './frame-stream.ts';
import {
  FRAME,
  type LoadOrder,
  readEvent,
  readResult,
  type SessionOrder,
  type StartOrder,
  writeBare,
  writeJson,
} from './frames.ts';
import { JOURNAL_FD, JournalWriter } from './journal.ts';
import { Sandbox } from './sandbox.ts';

/** The descriptor of the socket to the worker. */
const SOCKET_FD = 3;

/** What was written so far leaves at the latest after this long, so that the worker sees progress. */
const FLUSH_AFTER_MS = 10;

const socket = new Socket({ fd: SOCKET_FD, readable: true, writable: true });
const splitter = new FrameSplitter();
const writer = new FrameWriter();
const journal = new JournalWriter(JOURNAL_FD);

let sandboxes: Sandbox[] = [];
let options: FilterOptions[] = [];
let dispatcher: Dispatcher | undefined;
let framesHandled = 0;

function flush(): void {
  writeBare(writer, FRAME.ack, framesHandled);
  socket.write(writer.take());
}

function load(order: LoadOrder): void {
  process.title = order.title;
  options = [...order.options];
  sandboxes = order.filters.map(
    (script, filter) =>
      new Sandbox(
        script,
        order.guest,
        order.loadMs,
        options[filter]!,
        order.guestLimits,
        (stack) => {
          const text = 'a promise was rejected and nobody handled it';
          writeJson(writer, FRAME.log, 0, {
            filter,
            event: 0,
            level: 'error',
            text,
            fields: null,
            stack,
          });
        },
      ),
  );
  const hosted = sandboxes.map(
    (sandbox, filter): HostedFilter => ({
      sandbox,
      get options() {
        return options[filter]!;
      },
    }),
  );
  dispatcher = new Dispatcher(hosted, { writer, journal, flush }, order);
  writeJson(
    writer,
    FRAME.loaded,
    0,
    sandboxes.map((sandbox) => sandbox.load()),
  );
}

function start(order: StartOrder): void {
  options = [...order.options];
  sandboxes.forEach((sandbox, filter) => {
    sandbox.limit(options[filter]!);
  });
  writeBare(writer, FRAME.started, 0);
}

function handle(frame: FrameReader): void {
  switch (frame.type) {
    case FRAME.event:
      dispatcher?.event(readEvent(frame));
      return;
    case FRAME.result:
      dispatcher?.result(frame.id, readResult(frame));
      return;
    case FRAME.open:
      dispatcher?.open(frame.id, JSON.parse(frame.text()) as SessionOrder);
      return;
    case FRAME.cancel:
      dispatcher?.cancel(frame.id);
      return;
    case FRAME.forget:
      dispatcher?.forget(frame.id);
      return;
    case FRAME.load:
      load(JSON.parse(frame.text()) as LoadOrder);
      return;
    case FRAME.start:
      start(JSON.parse(frame.text()) as StartOrder);
      return;
    default:
      throw new Error(`the worker sent a frame of an unknown type, ${frame.type}`);
  }
}

socket.on('data', (chunk) => {
  let lastFlush = performance.now();
  for (const frame of splitter.push(chunk)) {
    handle(frame);
    framesHandled = (framesHandled + 1) >>> 0;
    if (performance.now() - lastFlush >= FLUSH_AFTER_MS) {
      flush();
      lastFlush = performance.now();
    }
  }
  flush();
});

// Without its worker a runner has no purpose. Signals of a terminal are the worker's business.
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(0));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
