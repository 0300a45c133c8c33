/** Starts the workers and watches them. Owns no traffic and runs no filters. */

import cluster, { type Worker } from 'node:cluster';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Config, ListenerConfig } from '../config/config.ts';
import { parseListen } from '../milter/address.ts';
import { applySocketMode, prepareUnixSocket } from '../milter/unix-socket.ts';
import { EXIT } from './exit-codes.ts';
import type { CompiledScript, ToSupervisor, ToWorker } from './messages.ts';

const WORKER_MAIN = join(dirname(fileURLToPath(import.meta.url)), 'worker-main.ts');

/** Small young generations: what waiting sessions hold is copied in each collection. */
const WORKER_FLAGS = ['--max-semi-space-size=2'];

/** Nobody but the owner may connect to a Unix socket before its mode is set, nor read the store. */
const UMASK = 0o077;

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 10_000;
/** A worker that lived this long did not die of its start. */
const SETTLED_MS = 10_000;

/** Workers that do not end in this time after SIGTERM are killed. */
const DRAIN_MS = 30_000;

export interface Serving {
  readonly config: Config;
  readonly guest: string;
  readonly filters: readonly CompiledScript[];
  readonly log: Logger;
  /** Every socket accepts. */
  readonly ready: (places: ServingPlaces) => void;
}

/** Where it listens, with the ports that the system chose. */
export interface ServingPlaces {
  /** For MTAs. */
  readonly listen: readonly string[];
  /** For Postfix's policy clients. */
  readonly policy: readonly string[];
}

/** Serves until it is told to stop; resolves with the exit code. */
export function supervise(serving: Serving): Promise<number> {
  return new Supervisor(serving).run();
}

class Supervisor {
  readonly #serving: Serving;
  readonly #indexes = new Map<Worker, number>();
  readonly #ready = new Set<number>();
  readonly #bornAt = new Map<Worker, number>();
  #backoffMs = 0;
  #isDraining = false;
  #wasReady = false;
  #finish: (code: number) => void = () => {};

  constructor(serving: Serving) {
    this.#serving = serving;
  }

  async run(): Promise<number> {
    process.title = 'postern supervisor';
    const { config } = this.#serving;
    for (const { listen } of listenersOf(config)) {
      const address = parseListen(listen);
      if (address.kind === 'unix') await prepareUnixSocket(address.path);
    }
    process.umask(UMASK);
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: WORKER_MAIN, args: [], execArgv: WORKER_FLAGS });
    const finished = new Promise<number>((resolve) => {
      this.#finish = resolve;
    });
    this.#heed();
    for (let index = 1; index <= config.workers; index += 1) this.#fork(index);
    return finished;
  }

  #heed(): void {
    const stop = (signal: string) => {
      if (this.#isDraining) this.#killAll();
      else this.#drain(signal);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGHUP', () => {
      this.#serving.log.warn(
        'SIGHUP: this version cannot reload yet; restart it to use new filters',
      );
    });
  }

  #fork(index: number): void {
    const worker = cluster.fork();
    this.#indexes.set(worker, index);
    this.#bornAt.set(worker, Date.now());
    worker.on('message', (message: ToSupervisor) => this.#hear(worker, index, message));
    worker.on('exit', (code, signal) => this.#exited(worker, index, code, signal));
  }

  #hear(worker: Worker, index: number, message: ToSupervisor): void {
    const { config, guest, filters, log } = this.#serving;
    switch (message.type) {
      case 'hello':
        send(worker, { type: 'start', index, config, guest, filters });
        return;
      case 'ready':
        this.#setModes().then(
          () => this.#workerReady(index, message),
          (error: Error) => this.#fail(error.message, EXIT.failed),
        );
        return;
      case 'failed':
        if (this.#wasReady) log.error({ worker: index }, `worker cannot start: ${message.message}`);
        else this.#fail(message.message, message.isInput ? EXIT.input : EXIT.failed);
        return;
      default:
        message satisfies never;
    }
  }

  #workerReady(index: number, { listen, policy }: ServingPlaces): void {
    this.#ready.add(index);
    if (this.#wasReady || this.#ready.size < this.#serving.config.workers) return;
    this.#wasReady = true;
    this.#serving.ready({ listen, policy });
  }

  /** Modes and owners of Unix sockets; a worker that binds them anew needs them anew. */
  async #setModes(): Promise<void> {
    for (const { listen, mode, owner, group } of listenersOf(this.#serving.config)) {
      const address = parseListen(listen);
      if (address.kind !== 'unix') continue;
      await applySocketMode(address.path, {
        ...(mode === undefined ? {} : { mode }),
        ...(owner === undefined ? {} : { owner }),
        ...(group === undefined ? {} : { group }),
      });
    }
  }

  #exited(worker: Worker, index: number, code: number | null, signal: string | null): void {
    const livedMs = Date.now() - this.#bornAt.get(worker)!;
    this.#indexes.delete(worker);
    this.#bornAt.delete(worker);
    if (this.#isDraining) {
      if (this.#indexes.size === 0) this.#finish(EXIT.ok);
      return;
    }
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    if (livedMs > SETTLED_MS) this.#backoffMs = 0;
    else
      this.#backoffMs = Math.min(
        Math.max(this.#backoffMs * 2, FIRST_BACKOFF_MS),
        LONGEST_BACKOFF_MS,
      );
    this.#serving.log.error(
      { worker: index, livedMs, retryMs: this.#backoffMs },
      `worker ended ${how}; a new one is started`,
    );
    setTimeout(() => {
      if (!this.#isDraining) this.#fork(index);
    }, this.#backoffMs);
  }

  /** The server cannot start: its sockets, its filters or its store are not as they should be. */
  #fail(message: string, code: number): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    process.stderr.write(`postern: ${message.split('\n').join('\npostern: ')}\n`);
    this.#killAll();
    this.#finish(code);
  }

  #drain(signal: string): void {
    this.#isDraining = true;
    this.#serving.log.info(`${signal}: finishing the messages that are under way`);
    for (const worker of this.#indexes.keys()) send(worker, { type: 'drain' });
    if (this.#indexes.size === 0) this.#finish(EXIT.ok);
    setTimeout(() => this.#killAll(), DRAIN_MS).unref();
  }

  #killAll(): void {
    for (const worker of this.#indexes.keys()) worker.process.kill('SIGKILL');
  }
}

/** Every socket that workers share. */
function listenersOf({ milter, auth }: Config): readonly ListenerConfig[] {
  return [...milter.listeners, ...auth.policy];
}

function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
