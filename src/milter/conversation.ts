/**
 * One SMTP connection as the MTA tells it, and the filters that hear of it: what all of its
 * commands share. Without QUIT_NC there is one on each milter connection.
 */

import type { Reply } from 'net-milter-codec';
import type { EngineSession, Outcome, SessionHost } from '../engine/contract.ts';
import type { Call } from '../policy/event.ts';
import type { MacroStage } from '../policy/macros.ts';
import { errorFields } from './logger.ts';
import { MacroIntake } from './macro-intake.ts';
import type { NegotiablePhase } from './needs.ts';
import type { Agreement } from './negotiate.ts';
import { Patience, Progress } from './patience.ts';
import { CONTINUE_REPLY, NOTHING_SAID, PROGRESS_REPLY } from './replies.ts';
import type { SessionOptions } from './session-port.ts';

/** Engines do not reject; should one, the message is not let through unseen. */
const FAILED: Outcome = { ...NOTHING_SAID, verdict: { kind: 'tempfail' } };

/** How an outcome is taken note of, and the reply that follows from it. */
type Settle = (outcome: Outcome) => Reply;

export class Conversation {
  readonly agreement: Agreement;
  readonly options: SessionOptions;
  readonly filters: EngineSession;
  readonly macros = new MacroIntake();
  readonly patience: Patience;
  readonly progress: Progress;
  /** The address of the SMTP client, for logs. */
  client: string | undefined;
  /** The reply that ended it for these filters: at connect or helo all was said. */
  decision: Reply | undefined;
  readonly #calls = new Set<Promise<Outcome>>();
  #gone = false;

  /** `body`: what was kept of the current message's body. */
  constructor(options: SessionOptions, agreement: Agreement, body: () => Uint8Array) {
    this.options = options;
    this.agreement = agreement;
    this.patience = new Patience(options.timers);
    this.progress = new Progress(options.timers, options.limits.progressMs, () =>
      this.send([PROGRESS_REPLY]),
    );
    const host: SessionHost = {
      body,
      progress: () => this.progress.request(),
      queueId: () => this.queueId,
    };
    this.filters = options.engine.open(options.scope, host);
  }

  get queueId(): string | undefined {
    return this.macros.get('i');
  }

  /** The MTA went away: nobody waits for replies any more. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Calls under way that nobody waits for yet. */
  get outstanding(): number {
    return this.#calls.size;
  }

  send(replies: readonly Reply[]): void {
    if (!this.#gone) this.options.port.send(replies);
  }

  /** CONTINUE, where the MTA waits for a reply to this phase. */
  acknowledge(phase: NegotiablePhase): void {
    if (this.agreement.phases[phase].replies) this.send([CONTINUE_REPLY]);
  }

  /** The macros that came with the command of this stage. */
  learnMacros(stage: MacroStage): void {
    for (const fact of this.macros.take(stage)) this.filters.learn(fact);
  }

  /** Macros that came for commands up to this stage which were not sent themselves. */
  learnMacrosAfter(stage: MacroStage): void {
    for (const fact of this.macros.takeAfter(stage)) this.filters.learn(fact);
  }

  /**
   * Lets filters handle a phase and replies with what `settle` makes of their verdict. Gives
   * a promise if the reply has to wait for them; where the MTA does not wait, nothing is
   * made of the verdict.
   */
  ask(phase: NegotiablePhase, call: Call, settle: Settle): Promise<void> | undefined {
    const deal = this.agreement.phases[phase];
    const called = deal.handled && this.filters.handles(call.phase);
    if (called && deal.waits) return this.#answer(this.filters.call(call), settle);
    if (called) void this.defer(call);
    const reply = settle(NOTHING_SAID);
    if (deal.replies) this.send([reply]);
    return undefined;
  }

  async #answer(called: Promise<Outcome>, settle: Settle): Promise<void> {
    const outcome = await called;
    if (outcome.delayMs > 0 && !this.#gone) await this.patience.wait(outcome.delayMs);
    if (!this.#gone) this.send([settle(outcome)]);
  }

  /** A call whose reply does not wait for it. */
  defer(call: Call): Promise<Outcome> {
    const called = this.filters.call(call).catch((error: unknown): Outcome => {
      this.options.log.error(
        { ...this.about, phase: call.phase, ...errorFields(error) },
        'a call of filters failed: a defect in this server',
      );
      return FAILED;
    });
    this.#calls.add(called);
    void called.then(() => {
      this.#calls.delete(called);
      this.options.port.changed();
    });
    return called;
  }

  /** The MTA vanished: calls under way end, no reply goes out. `end()` has to follow. */
  vanish(): void {
    this.#gone = true;
    this.filters.cancel();
  }

  /** The SMTP connection ended. What filters are told last may still take a while. */
  end(): void {
    this.#gone = true;
    this.patience.giveUp();
    this.progress.stop();
    const { filters } = this;
    if (filters.handles('close')) void this.defer({ phase: 'close' });
    // Closing would cut short what is still running, such as an abort handler.
    if (this.#calls.size === 0) filters.close();
    else void Promise.all(this.#calls).then(() => filters.close());
  }

  /** For log lines. */
  get about(): object {
    const { queueId, client } = this;
    return {
      session: this.filters.id,
      ...(client !== undefined && { client }),
      ...(queueId !== undefined && { queueId }),
    };
  }
}
