/** The servers of an etcd cluster as one, and their failures as errors of the store. */

import { type KvUrl, shownKvUrl } from '../../config/kv-url.ts';
import { KvError } from '../errors.ts';
import { EtcdFailure, GRPC, Wire } from './wire.ts';

export type EtcdUrl = Extract<KvUrl, { scheme: 'etcd' }>;

/**
 * How long a call waits for a connection, in parts: a process that was busy for all of the
 * time has not looked at its sockets, and does so between them.
 */
const CONNECT_WAITS_MS = [20, 20, 20, 20, 20];

/** How long a call waits for its answer: an election takes a second, a thousand writes on a slow machine more. */
const ANSWER_WAIT_MS = 2_500;

/** How long it may take to learn why there is no connection. */
const REASON_WAIT_MS = 50;

export class Cluster {
  readonly #shown: string;
  readonly #wires: readonly Wire[];
  readonly #underWay = new Set<Promise<unknown>>();
  /** Which of the wires is used while it works. */
  #preferred = 0;
  /** Which of them failed, and when: one that hangs has a connection all the same. */
  readonly #suspects = new Map<number, number>();

  /** Begins to connect; never throws. */
  constructor(url: EtcdUrl) {
    this.#shown = shownKvUrl(url);
    const { tls, username, password } = url;
    this.#wires = url.hosts.map(
      ({ host, port }) =>
        new Wire({
          address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
          tls,
          ...(username !== undefined && { username }),
          ...(password !== undefined && { password }),
        }),
    );
    for (const wire of this.#wires) void wire.isReady();
  }

  /**
   * Sends once, and only over a connection that is there. Rejects with {@link KvError}, or
   * with {@link EtcdFailure} for a lease that etcd does not know.
   */
  async call<Response>(
    service: 'KV' | 'Lease',
    method: string,
    payload: object,
  ): Promise<Response> {
    const called = this.#call<Response>(service, method, payload);
    this.#underWay.add(called);
    return called.finally(() => this.#underWay.delete(called));
  }

  /** Lets what is under way end, then disconnects. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    for (const wire of this.#wires) wire.close();
  }

  async #call<Response>(
    service: 'KV' | 'Lease',
    method: string,
    payload: object,
  ): Promise<Response> {
    const index = await this.#readyWire();
    const wire = this.#wires[index]!;
    try {
      const response = await wire.call<Response>(service, method, payload, ANSWER_WAIT_MS);
      this.#suspects.delete(index);
      return response;
    } catch (error) {
      if (!(error instanceof EtcdFailure) || isLeaseGone(error)) throw error;
      if (error.code === GRPC.unavailable || error.code === GRPC.deadlineExceeded) {
        this.#suspects.set(index, performance.now());
        for (const each of this.#wires) void each.isReady();
      }
      throw this.#errorOf(error);
    }
  }

  /** The number of a server to ask: one with a connection that did not fail, or one of those. */
  async #readyWire(): Promise<number> {
    const failedAt = (index: number) => this.#suspects.get(index) ?? 0;
    const all = this.#wires
      .map((_, n) => (this.#preferred + n) % this.#wires.length)
      .sort((a, b) => failedAt(a) - failedAt(b));
    const trusted = all.filter((index) => !this.#suspects.has(index));
    const index =
      (await this.#readyOf(trusted)) ??
      (await this.#soonReadyOf(trusted)) ??
      (await this.#readyOf(all)) ??
      (await this.#soonReadyOf(trusted.length === 0 ? all : []));
    if (index === undefined) throw this.#errorOf(await this.#whyNot());
    this.#preferred = index;
    return index;
  }

  async #readyOf(indexes: readonly number[]): Promise<number | undefined> {
    for (const index of indexes) if (await this.#wires[index]!.isReady()) return index;
    return undefined;
  }

  async #soonReadyOf(indexes: readonly number[]): Promise<number | undefined> {
    if (indexes.length === 0) return undefined;
    for (const ms of CONNECT_WAITS_MS) {
      const waits = indexes.map((index) => this.#wires[index]!.ready(ms).then(() => index));
      const first = await Promise.any(waits).catch(() => undefined);
      if (first !== undefined) return first;
    }
    return undefined;
  }

  /** gRPC tells why it has no connection only to somebody who uses it; asking changes nothing. */
  async #whyNot(): Promise<EtcdFailure> {
    const question = { key: Buffer.of(0), keys_only: true };
    const refusal = this.#wires[this.#preferred]!.call('KV', 'range', question, REASON_WAIT_MS);
    const fallback = new EtcdFailure(GRPC.unavailable, 'no connection yet');
    return refusal.then(
      () => fallback,
      (error: unknown) =>
        error instanceof EtcdFailure && error.code !== GRPC.deadlineExceeded ? error : fallback,
    );
  }

  #errorOf(failure: EtcdFailure): KvError {
    const options = { cause: failure };
    if (/request is too large|larger than max|trying to send message/.test(failure.message)) {
      const message = `${this.#shown}: etcd refuses a value of this size (${failure.message}); store less, or start etcd with a larger --max-request-bytes`;
      return new KvError('ERR_KV_VALUE', message, options);
    }
    const message = `${this.#shown}: ${explained(failure)}`;
    return new KvError('ERR_KV_UNAVAILABLE', message, options);
  }
}

export function isLeaseGone(error: unknown): boolean {
  return error instanceof EtcdFailure && /requested lease not found/.test(error.message);
}

const WHAT_TO_DO = 'see that etcd runs there and can be reached';

/** What happened and what to do, from the words of etcd and gRPC. */
function explained({ code, message }: EtcdFailure): string {
  if (/authentication failed/.test(message))
    return 'wrong user or password; correct them in the URL of the store';
  if (/user name is empty|not provided auth|invalid auth token/.test(message))
    return `etcd wants a user and a password (${message}); write them into the URL of the store`;
  if (/permission denied/.test(message))
    return "permission denied; grant the user a role that may read and write under the URL's prefix";
  if (/authentication is not enabled/.test(message))
    return 'etcd has no authentication enabled; take user and password out of the URL of the store, or enable it';
  if (/space exceeded/.test(message))
    return `${message}; compact and defragment etcd, then disarm its alarm`;
  if (code === GRPC.deadlineExceeded)
    return `no answer within ${ANSWER_WAIT_MS} ms, so a change may have been made or not; ${WHAT_TO_DO}`;
  const [, reason = message] =
    /Last error: (?:Error: )?(.*?)\.? Resolution note/s.exec(message) ?? [];
  return `${reason}; ${WHAT_TO_DO}`;
}
