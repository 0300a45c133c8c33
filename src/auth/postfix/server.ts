/**
 * Postfix's policy delegation (`check_policy_service`): asks the filters' `access`.
 *
 * What operators have to know:
 * - `check_policy_service` belongs after `reject_unauth_destination`: what Postfix refuses
 *   itself need not be asked about, nor counted.
 * - `smtpd_policy_service_timeout` is 100 s by default, and an SMTP client waits all that time.
 *   5 s are enough, if no filter delays a refusal for longer; a delay alone takes no such time.
 * - A connection that ends without an answer (a malformed request, the end of this process) has
 *   Postfix ask again on a new one, and then use `default_action`; DUNNO there lets mail pass.
 * - Postfix closes idle connections after 300 s (`smtpd_policy_service_max_idle`). Where this
 *   server is the first to do so, Postfix finds out with its next request and asks again.
 */

import type { Socket } from 'node:net';
import type { Gate } from '../gate.ts';
import { PolicyConnection, type PolicyLog } from './connection.ts';

export interface PolicyServerLimits {
  /** How long a connection may be without a request; more than Postfix's own 300 s. */
  readonly idleMs: number;
  /** How long a request may take to come, and an answer to be taken. Default 30 s. */
  readonly requestMs?: number;
  /** Open at once. */
  readonly connections: number;
  /** The longest tarpit. */
  readonly delayMs: number;
}

export interface PolicyServerOptions {
  readonly gate: Gate;
  readonly log: PolicyLog;
  readonly limits: PolicyServerLimits;
}

const REQUEST_MS = 30_000;

/** Serves connections that a listener of somebody else's accepts. */
export class PolicyServer {
  readonly #options: PolicyServerOptions;
  readonly #connections = new Set<PolicyConnection>();
  readonly #whenEmpty: (() => void)[] = [];
  #gate: Gate;
  #closing = false;
  /** To say once, not for each connection, that there are too many. */
  #isFull = false;

  constructor(options: PolicyServerOptions) {
    this.#options = options;
    this.#gate = options.gate;
  }

  /** Open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Requests from now on go to this gate; those under way stay where they are. */
  use(gate: Gate): void {
    this.#gate = gate;
  }

  /** Serves a connection until it ends, or destroys it when there are too many. */
  accept(socket: Socket): void {
    const { log, limits } = this.#options;
    if (this.#closing) {
      socket.destroy();
      return;
    }
    if (this.#connections.size >= limits.connections) {
      if (!this.#isFull) {
        const fields = { connections: limits.connections };
        log.warn(fields, 'turning policy connections away: too many are open');
      }
      this.#isFull = true;
      socket.destroy();
      return;
    }
    this.#isFull = false;
    socket.setNoDelay(true);
    const connection: PolicyConnection = new PolicyConnection({
      socket,
      gate: () => this.#gate,
      log,
      limits: { ...limits, requestMs: limits.requestMs ?? REQUEST_MS },
      onEnd: () => {
        this.#connections.delete(connection);
        if (this.#connections.size > 0) return;
        for (const resolve of this.#whenEmpty.splice(0)) resolve();
      },
    });
    this.#connections.add(connection);
  }

  /**
   * Takes no more connections, ends those that are idle, and answers the requests that are
   * under way; delays end now. What is still open after `graceMs` is cut off.
   */
  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#closing = true;
    if (this.#connections.size === 0) return;
    const grace = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, graceMs);
    for (const connection of this.#connections) connection.shutdown();
    await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
    clearTimeout(grace);
  }
}
