/** An engine that tells when all of its sessions have ended, with what their filters still had to do. */

import type { Engine, EngineSession } from '../../src/engine/contract.ts';

export class WatchedEngine implements Engine {
  readonly #engine: Engine;
  #open = 0;
  #whenIdle: (() => void)[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get filters(): Engine['filters'] {
    return this.#engine.filters;
  }

  open(...args: Parameters<Engine['open']>): EngineSession {
    const session = this.#engine.open(...args);
    this.#open += 1;
    return {
      ...session,
      close: () => {
        session.close();
        this.#open -= 1;
        if (this.#open > 0) return;
        for (const resolve of this.#whenIdle.splice(0)) resolve();
      },
    };
  }

  async idle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }
}
