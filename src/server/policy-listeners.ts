/** Where Postfix's policy clients connect: a listener and a policy server for each place. */

import { Gate } from '../auth/gate.ts';
import { PolicyServer } from '../auth/postfix/server.ts';
import type { Config, ListenerConfig } from '../config/config.ts';
import type { LoginEngine } from '../engine/contract.ts';
import type { Logger } from '../engine/logger.ts';
import { formatListen, parseListen } from '../milter/address.ts';
import { Listener } from '../milter/listener.ts';
import { scopeOf } from '../milter/server.ts';

export interface PolicyListenersOptions {
  readonly config: Config;
  readonly engine: LoginEngine;
  readonly log: Logger;
}

interface Place {
  readonly listener: Listener;
  readonly server: PolicyServer;
}

export class PolicyListeners {
  readonly #places: readonly Place[];

  private constructor(places: readonly Place[]) {
    this.#places = places;
  }

  /** Opens every place of the configuration; if one fails, none stays open. */
  static async open(options: PolicyListenersOptions): Promise<PolicyListeners> {
    const opened = await Promise.allSettled(
      options.config.auth.policy.map((place) => openPlace(place, options)),
    );
    const places = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const listeners = new PolicyListeners(places);
    const failed = opened.find((each) => each.status === 'rejected');
    if (!failed) return listeners;
    await listeners.close({ graceMs: 0 });
    throw failed.reason;
  }

  /** Where they listen, with the ports that the system chose. */
  get listening(): readonly string[] {
    return this.#places.map(({ listener }) => formatListen(listener.address));
  }

  /** Accepts no more; what is asked already is answered. */
  async close(options: { readonly graceMs: number }): Promise<void> {
    await Promise.all(
      this.#places.map(async ({ listener, server }) => {
        await listener.close();
        await server.close(options);
      }),
    );
  }
}

async function openPlace(
  place: ListenerConfig,
  { config, engine, log }: PolicyListenersOptions,
): Promise<Place> {
  const { idleMs, sessions: connections, delayMs } = config.limits;
  const gate = new Gate(engine, scopeOf(place, engine));
  const server = new PolicyServer({ gate, log, limits: { idleMs, connections, delayMs } });
  const listener = await Listener.open({
    address: parseListen(place.listen),
    file: place,
    ownsFile: false,
    log,
    onConnection: (socket) => server.accept(socket),
  });
  return { listener, server };
}
