/** One runner, seen from its worker: starts it, talks to it, notices when it dies or hangs. */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FrameReader, FrameSplitter, FrameWriter } from '../runner/frame-stream.ts';
import {
  type CallResult,
  type EventOrder,
  FRAME,
  type LoadOrder,
  type SessionOrder,
  type StartOrder,
  writeBare,
  writeEvent,
  writeJson,
  writeResult,
} from '../runner/frames.ts';
import { Journal, type JournalNote } from '../runner/journal.ts';
import { Watchdog } from './watchdog.ts';

const MAIN = join(dirname(fileURLToPath(import.meta.url)), '..', 'runner', 'main.ts');

/**
 * Without the snapshot, as isolated-vm wants it; without concurrent recompilation, with which
 * optimized code of an isolate is at times never installed; with small young generations.
 */
const NODE_FLAGS = [
  '--no-node-snapshot',
  '--no-concurrent-recompilation',
  '--max-semi-space-size=4',
];

/** Of what a dying runner printed, the last part is kept for the log. */
const KEPT_OUTPUT = 2048;

/** Building isolates anew with other memory limits takes a while when there are many. */
const STARTING_MS = 10_000;

/** What a runner tells its worker. */
export interface RunnerEvents {
  frame(runner: RunnerProcess, frame: FrameReader): void;
  /** It is gone; `note` is the handler that it entered last. */
  died(runner: RunnerProcess, why: string, note: JournalNote | undefined): void;
}

export interface RunnerLimits {
  /** A runner that leaves frames unanswered for this long, and for twice its longest CPU limit, is killed. */
  readonly answerMs: number;
  /** A runner whose resident memory exceeds this is killed. */
  readonly memoryBytes: number;
}

export class RunnerProcess {
  readonly title: string;
  readonly #events: RunnerEvents;
  readonly #limits: RunnerLimits;
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #journal = new Journal();
  readonly #writer = new FrameWriter();
  readonly #splitter = new FrameSplitter();
  readonly #watchdog: Watchdog;
  #flushAt: NodeJS.Immediate | undefined;
  #printed = '';
  #killedFor: string | undefined;
  #isGone = false;

  constructor(title: string, limits: RunnerLimits, events: RunnerEvents) {
    this.title = title;
    this.#events = events;
    this.#limits = limits;
    this.#child = spawn(process.execPath, [...NODE_FLAGS, MAIN], {
      env: {},
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', this.#journal.fd],
    });
    this.#socket = this.#child.stdio[3] as Socket;
    this.#watchdog = new Watchdog(this.#child.pid ?? 0, limits, (why) => this.kill(why));
    this.#listen();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  load(order: LoadOrder): void {
    this.#watchdog.allow(order.loadMs * 2 * Math.max(1, order.filters.length));
    writeJson(this.#writer, FRAME.load, 0, order);
    this.#sent();
  }

  start(order: StartOrder): void {
    const longestCpuMs = Math.max(0, ...order.options.map(({ cpuMs }) => cpuMs));
    this.#watchdog.expectAnswers(Math.max(this.#limits.answerMs, 2 * longestCpuMs));
    this.#watchdog.allow(STARTING_MS);
    writeJson(this.#writer, FRAME.start, 0, order);
    this.#sent();
  }

  open(session: number, order: SessionOrder): void {
    writeJson(this.#writer, FRAME.open, session, order);
    this.#sent();
  }

  event(order: Omit<EventOrder, 'buffer'>, chunks: readonly Uint8Array[]): void {
    writeEvent(this.#writer, order, chunks);
    this.#sent();
  }

  result(call: number, result: CallResult): void {
    if (this.#isGone) return;
    writeResult(this.#writer, call, result);
    this.#sent();
  }

  cancel(session: number): void {
    writeBare(this.#writer, FRAME.cancel, session);
    this.#sent();
  }

  forget(session: number): void {
    writeBare(this.#writer, FRAME.forget, session);
    this.#sent();
  }

  /** SIGKILL: nothing gentler stops a process that is stuck in native code. `died` follows. */
  kill(why: string): void {
    this.#killedFor ??= why;
    this.#child.kill('SIGKILL');
  }

  /** Ends it without a word to anyone. */
  async end(): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#watchdog.stop();
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
    this.#cleanUp();
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', () => this.kill('its socket failed'));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#printed = (this.#printed + chunk.toString('latin1')).slice(-KEPT_OUTPUT);
      });
    }
    this.#child.on('error', (error) => this.#died(`could not be started: ${error.message}`));
    // 'close' and not 'exit': what it wrote before it died is read first.
    this.#child.on('close', (code, signal) => {
      const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
      this.#died(this.#killedFor === undefined ? how : `was killed because ${this.#killedFor}`);
    });
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#splitter.push(chunk)) {
        if (frame.type === FRAME.ack) this.#watchdog.answered(frame.id);
        else this.#events.frame(this, frame);
      }
    } catch (error) {
      this.kill(`it sent what is no frame: ${(error as Error).message}`);
    }
  }

  /** All frames of a tick leave in one write. */
  #sent(): void {
    this.#watchdog.asked();
    this.#flushAt ??= setImmediate(() => {
      this.#flushAt = undefined;
      if (this.#isGone || this.#writer.isEmpty) return;
      const frames = this.#writer.take();
      this.#watchdog.allowFor(frames.length);
      this.#socket.write(frames);
    });
  }

  #died(why: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#watchdog.stop();
    const note = this.#journal.read();
    this.#cleanUp();
    const last = lastWords(this.#printed);
    this.#events.died(this, last === '' ? why : `${why}; its last words: ${last}`, note);
  }

  #cleanUp(): void {
    clearImmediate(this.#flushAt);
    this.#socket.destroy();
    this.#journal.close();
  }
}

/** The line of V8's farewell that says what happened. */
function lastWords(printed: string): string {
  const lines = printed.split('\n').map((line) => line.trim());
  return lines.find((line) => /FATAL|Fatal|Error/.test(line))?.slice(0, 200) ?? '';
}
