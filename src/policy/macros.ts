/**
 * The MTA's macros, remembered across stages as libmilter does (smfi_getsymval, mi_clr_macros):
 * those of the connection outlive its messages, those of a recipient live until the next one.
 */

/** The stages at which an MTA sends macros, earliest first. */
export const MACRO_STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'eoh', 'eom'] as const;

export type MacroStage = (typeof MACRO_STAGES)[number];

/** Stages whose beginning forgets all later ones; the others only replace their own. */
const FORGETS_LATER: ReadonlySet<MacroStage> = new Set(['connect', 'helo', 'mail', 'rcpt']);

/** `{auth_type}`, `auth_type`, `i` and `{i}` are one name each: without braces. */
export function macroName(name: string): string {
  return name.startsWith('{') && name.endsWith('}') ? name.slice(1, -1) : name;
}

export class MacroTable {
  readonly #stages = new Map<MacroStage, Readonly<Record<string, string>>>();

  /** The MTA sent the macros of a stage; `values` by name without braces. */
  set(stage: MacroStage, values: Readonly<Record<string, string>>): void {
    this.begin(stage);
    this.#stages.set(stage, values);
  }

  /** A command of this stage came: what later stages had said is no longer true. */
  begin(stage: MacroStage): void {
    if (!FORGETS_LATER.has(stage)) return;
    for (const later of MACRO_STAGES.slice(MACRO_STAGES.indexOf(stage) + 1))
      this.#stages.delete(later);
  }

  /** The message ended: only what concerns the connection is still true. */
  endMessage(): void {
    for (const stage of MACRO_STAGES.slice(MACRO_STAGES.indexOf('mail')))
      this.#stages.delete(stage);
  }

  /** The value at the latest stage that set it. */
  get(name: string): string | undefined {
    const key = macroName(name);
    for (let index = MACRO_STAGES.length - 1; index >= 0; index -= 1) {
      const values = this.#stages.get(MACRO_STAGES[index]!);
      if (values && Object.hasOwn(values, key)) return values[key];
    }
    return undefined;
  }

  clear(): void {
    this.#stages.clear();
  }
}
