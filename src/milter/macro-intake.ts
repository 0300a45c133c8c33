/**
 * Macros on their way in. They come in packets of their own before the command that they
 * belong to, also for commands that are not sent (libmilter's smfi_getsymval), and become
 * facts with the next command that does come: not earlier, because that command may first
 * end the message before.
 */

import { type CommandOf, decodeText } from 'net-milter-codec';
import type { Fact } from '../policy/event.ts';
import { MACRO_STAGES, type MacroStage, MacroTable, macroName } from '../policy/macros.ts';

/** The command byte in a macro packet. Postfix sends them for L, B and U too; nobody reads those. */
const STAGE_OF_COMMAND: Readonly<Record<string, MacroStage>> = {
  C: 'connect',
  H: 'helo',
  M: 'mail',
  R: 'rcpt',
  T: 'data',
  N: 'eoh',
  E: 'eom',
};

const MAIL = MACRO_STAGES.indexOf('mail');
const RCPT = MACRO_STAGES.indexOf('rcpt');

export class MacroIntake {
  readonly #table = new MacroTable();
  readonly #waiting = new Map<MacroStage, Readonly<Record<string, string>>>();
  /** The latest stage that the table knows something of, as an index; -1 if none. */
  #latest = -1;

  receive(packet: CommandOf<'macro'>): void {
    const stage = STAGE_OF_COMMAND[packet.command];
    if (stage === undefined) return;
    const values: Record<string, string> = Object.create(null);
    for (const [name, value] of packet.values)
      values[macroName(decodeText(name))] = decodeText(value);
    this.#waiting.set(stage, values);
  }

  /** The command of a stage came: what is new, as facts. */
  take(stage: MacroStage): readonly Fact[] {
    const index = MACRO_STAGES.indexOf(stage);
    // What the last recipient was is not true of this one, even if the MTA sends no macros for it.
    if (index <= RCPT && this.#latest >= index && !this.#waiting.has(stage)) {
      this.#waiting.set(stage, {});
    }
    return this.#takeUpTo(index);
  }

  /** A command without macros of its own came, after the commands of `stage`. */
  takeAfter(stage: MacroStage): readonly Fact[] {
    return this.#takeUpTo(MACRO_STAGES.indexOf(stage));
  }

  #takeUpTo(last: number): readonly Fact[] {
    if (this.#waiting.size === 0) return NO_FACTS;
    const facts: Fact[] = [];
    for (const [index, stage] of MACRO_STAGES.entries()) {
      const values = this.#waiting.get(stage);
      if (index > last || values === undefined) continue;
      this.#waiting.delete(stage);
      const forgets = index <= RCPT && this.#latest >= index;
      // Postfix sends empty packets all the time.
      if (Object.keys(values).length === 0 && !forgets) continue;
      this.#table.set(stage, values);
      this.#latest = index <= RCPT ? index : Math.max(this.#latest, index);
      facts.push({ f: 'macros', stage, values });
    }
    return facts;
  }

  get(name: string): string | undefined {
    return this.#table.get(name);
  }

  /** The message ended. */
  endMessage(): void {
    this.#table.endMessage();
    this.#latest = Math.min(this.#latest, MAIL - 1);
  }

  /** Macros that came for commands of a message from `stage` on, and that nobody took: forget them. */
  drop(stage: 'mail' | 'rcpt'): void {
    for (const unused of MACRO_STAGES.slice(MACRO_STAGES.indexOf(stage)))
      this.#waiting.delete(unused);
  }
}

const NO_FACTS: readonly Fact[] = [];
