/** An engine that tells when all that its filters had to do is done. */

import type { Engine, EngineSession } from '../../src/engine/contract.ts';
import type { SmtpCall } from '../../src/policy/event.ts';
import { SMTP_PHASES, type SmtpPhase } from '../../src/policy/phases.ts';

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

  /**
   * Waits until no session is open and the runner has done what was asked of it before: for a
   * client that has vanished nobody waits. Gives the id of the session that was made for this.
   */
  async settled(filter: number): Promise<string> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    const host = { body: () => Buffer.alloc(0), progress: () => {}, queueId: () => undefined };
    const session = this.#engine.open([filter], host);
    const phase = SMTP_PHASES.find((each) => session.handles(each));
    session.learn({ f: 'mail', address: '', args: [] });
    if (phase) await session.call(callOf(phase));
    session.close();
    return session.id;
  }
}

function callOf(phase: SmtpPhase): SmtpCall {
  switch (phase) {
    case 'rcpt':
      return { phase, address: '', args: [] };
    case 'unknown':
      return { phase, command: '' };
    case 'header':
      return { phase, from: 0, to: 0 };
    case 'body':
      return { phase, chunks: [] };
    case 'eom':
      return { phase, size: 0 };
    default:
      return { phase };
  }
}
