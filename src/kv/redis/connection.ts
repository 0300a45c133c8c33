/**
 * The way to a Redis: a call goes out when there is a connection, or fails soon; it never
 * waits in a queue to be executed later.
 */

import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, Command, Redis } from 'ioredis';
import { type RedisUrl, shownKvUrl } from '../../config/kv-url.ts';
import { KvError } from '../errors.ts';
import { failure, isNoReason, isScriptMissing, isWrongType, notConnected } from './failure.ts';
import { type Client, createClient, type RedisOptions, retryPause } from './options.ts';
import type { Script } from './scripts/script.ts';

export type Argument = string | number | Buffer;

/** How long the first calls wait at most: a busy machine needs a while to find a cluster. */
const FIRST_WAIT_MS = 1000;

/** Between looks at whether there is a connection by now. */
const LOOK_EVERY_MS = 10;

/** Between questions after the nodes of a cluster. */
const REFRESH_PAUSE_MS = 200;

/** Longer than an attempt to reach a sentinel takes. */
const END_TIMEOUT_MS = 3000;

/** All its methods reject with KvError, but for an answer of WRONGTYPE. */
export class RedisConnection {
  /** The URL without its password. */
  readonly shown: string;
  readonly #client: Client;
  readonly #bornMs = performance.now();
  readonly #waitMs: number;
  readonly #maxPending: number;
  /** The nodes of a cluster by `host:port`. */
  readonly #nodes = new Map<string, Redis>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #corked = new Set<Duplex>();
  #lastError: unknown;
  /** The server would not select the database: whatever is sent would go to another. */
  #isElsewhere = false;
  #look: Promise<void> | undefined;
  #refreshedMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(url: RedisUrl, options: RedisOptions) {
    const { connectionWaitMs = 100, maxPending = 10_000 } = options;
    this.shown = shownKvUrl(url);
    this.#waitMs = connectionWaitMs;
    this.#maxPending = maxPending;
    const pause = (attempt: number) => retryPause(this.#isElsewhere ? Infinity : attempt);
    this.#client = createClient(url, options, pause);
    if (this.#client instanceof Cluster) this.#watchCluster(this.#client);
    else this.#watchServer(this.#client);
  }

  /** Has a server perform a command about a key. */
  command(name: string, key: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.#track(() => this.#send(name, [key, ...args]));
  }

  /** Runs a script on a key; sends its text only where the server does not know it. */
  run(script: Script, key: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.#track(async () => {
      try {
        return await this.#send('evalsha', [script.sha1, 1, key, ...args]);
      } catch (error) {
        if (!isScriptMissing(error)) throw error;
        return this.#send('eval', [script.lua, 1, key, ...args]);
      }
    });
  }

  /** Has one master perform a command. */
  ask(master: Redis, name: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.#track(() => this.#send(name, args, master));
  }

  /** The masters by name, in the order of their names; one, `''`, where it is no cluster. */
  async masters(): Promise<readonly (readonly [name: string, master: Redis])[]> {
    const client = this.#client;
    if (!(client instanceof Cluster)) return [['', client]];
    await this.#until(() => client.status === 'ready');
    const names = new Set(client.slots.map((nodes) => nodes?.[0]));
    return [...this.#nodes]
      .filter(([name]) => names.has(name))
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Ends the connections when what is under way has been answered. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Performs what asks the server; its errors become ours, except those that others see to. */
  async #track(perform: () => Promise<unknown>): Promise<unknown> {
    if (this.#closing) throw new KvError('ERR_KV_UNAVAILABLE', 'the store is closed');
    if (this.#pending.size >= this.#maxPending) {
      const message = `${this.shown}: ${this.#maxPending} calls wait for an answer already; see that the server runs, and how busy it is`;
      throw new KvError('ERR_KV_UNAVAILABLE', message);
    }
    const task = perform();
    this.#pending.add(task);
    try {
      return await task;
    } catch (error) {
      throw isWrongType(error) ? error : failure(this.shown, error, this.#lastError);
    } finally {
      this.#pending.delete(task);
    }
  }

  async #send(name: string, args: readonly Argument[], master?: Redis): Promise<unknown> {
    const command = new Command(name, [...args], { replyEncoding: null });
    const target = () => this.#target(command, master);
    const redis = target() ?? (await this.#until(target));
    this.#cork(redis);
    return master ? redis.sendCommand(command) : this.#client.sendCommand(command);
  }

  /** The connection that the command can leave on now. */
  #target(command: Command, master: Redis | undefined): Redis | undefined {
    const client = this.#client;
    if (!(client instanceof Cluster)) {
      return client.status === 'ready' && !this.#isElsewhere ? client : undefined;
    }
    if (client.status !== 'ready') return undefined;
    const node = master ?? this.#nodes.get(client.slots[command.getSlot() ?? -1]?.[0] ?? '');
    if (node?.status === 'ready') return node;
    if (node) connectTo(node);
    else this.#refresh(client);
    return undefined;
  }

  /** What `look` gives, as soon as it gives something; rejects when that takes too long. */
  async #until<T>(look: () => T | undefined | false): Promise<T> {
    const deadline = performance.now() + this.#waitMs;
    for (;;) {
      const found = look();
      if (found) return found;
      if (performance.now() >= deadline && !this.#isJustBorn())
        throw notConnected(this.shown, this.#lastError);
      // One timer for all who wait.
      this.#look ??= delay(LOOK_EVERY_MS).then(() => {
        this.#look = undefined;
      });
      await this.#look;
    }
  }

  /** Whether nothing speaks yet against a connection that will soon be there for the first time. */
  #isJustBorn(): boolean {
    return this.#lastError === undefined && performance.now() < this.#bornMs + FIRST_WAIT_MS;
  }

  /** What is sent until the event loop comes round leaves in one write. */
  #cork({ stream }: Redis): void {
    if (this.#corked.has(stream)) return;
    stream.cork();
    this.#corked.add(stream);
    setImmediate(() => {
      this.#corked.delete(stream);
      stream.uncork();
    });
  }

  #watchServer(redis: Redis): void {
    redis.on('connecting', () => {
      this.#isElsewhere = false;
    });
    redis.on('ready', () => {
      if (!this.#isElsewhere) this.#lastError = undefined;
    });
    redis.on('error', (error: Error & { command?: { name?: string } }) => {
      this.#noteError(error);
      if (error.command?.name !== 'select') return;
      this.#isElsewhere = true;
      redis.disconnect(true);
    });
    redis.on('sentinelError', (error: Error) => {
      this.#lastError = error;
    });
  }

  #noteError(error: Error): void {
    // What a sentinel or the socket said tells more than that there was no help.
    const isSummary =
      error.message.startsWith('All sentinels are unreachable') || isNoReason(error.message);
    if (!isSummary || this.#lastError === undefined) this.#lastError = error;
  }

  #watchCluster(cluster: Cluster): void {
    cluster.on('error', (error: Error & { lastNodeError?: Error }) => {
      this.#noteError(error.lastNodeError ?? error);
    });
    cluster.on('node error', (error: Error) => this.#noteError(error));
    cluster.on('+node', (node: Redis) => {
      this.#nodes.set(nodeName(node), node);
      // By duplicates ioredis learns who has which keys, and keeps to itself why it cannot.
      node.duplicate = (override) => {
        const duplicate = Redis.prototype.duplicate.call(node, override);
        return duplicate.on('error', (error: Error) => this.#noteError(error));
      };
      if (cluster.status === 'ready') connectTo(node);
    });
    // ioredis connects to a node with its first call, which would then have to wait.
    cluster.on('ready', () => {
      this.#lastError = undefined;
      for (const node of this.#nodes.values()) connectTo(node);
    });
    cluster.on('-node', (node: Redis) => {
      const name = nodeName(node);
      if (this.#nodes.get(name) === node) this.#nodes.delete(name);
    });
  }

  /** Asks the cluster who has which keys; ioredis itself asks only when an answer says so. */
  #refresh(cluster: Cluster): void {
    const nowMs = performance.now();
    if (nowMs < this.#refreshedMs + REFRESH_PAUSE_MS) return;
    this.#refreshedMs = nowMs;
    cluster.refreshSlotsCache();
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#pending);
    const client = this.#client;
    const connections = client instanceof Cluster ? [...this.#nodes.values()] : [client];
    client.disconnect();
    await Promise.all(connections.map((redis) => ended(redis)));
  }
}

/** Its failure is told by the events of the cluster. */
function connectTo(node: Redis): void {
  if (node.status === 'wait' && !node.options.readOnly) node.connect().catch(() => {});
}

function nodeName({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}

/** When nothing of a connection is left that was told to end. */
async function ended(redis: Redis): Promise<void> {
  // One that pauses before the next attempt has nothing, and tells nothing.
  if (redis.status === 'end' || redis.status === 'reconnecting') return;
  redis.stream?.destroy();
  const signal = AbortSignal.timeout(END_TIMEOUT_MS);
  await once(redis, 'end', { signal }).catch(() => {});
}
