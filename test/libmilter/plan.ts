/** What a filter does, as data: the same description becomes a filter in C and one in TypeScript. */

/** The phases of a filter, named as in Postern; libmilter has a callback for each. */
export const PLAN_PHASES = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'unknown',
  'header',
  'eoh',
  'body',
  'eom',
  'abort',
  'close',
] as const;

export type PlanPhase = (typeof PLAN_PHASES)[number];

export type PlanVerdict =
  | { readonly kind: 'accept' | 'reject' | 'tempfail' | 'discard' | 'skip' | 'continue' }
  /** smfi_setreply, or smfi_setmlreply if there are several lines; refuses with the class of the code. */
  | {
      readonly kind: 'reply';
      readonly code: number;
      readonly enhanced: string;
      readonly lines: readonly string[];
    };

/**
 * A verdict at a phase, for each call whose subject contains `when`: the hostname at connect,
 * the name at helo, the address at mail and rcpt, the name of a header, an unknown command,
 * elsewhere the sender of the message.
 */
export interface PlanRule {
  readonly phase: PlanPhase;
  readonly when?: string;
  readonly verdict: PlanVerdict;
}

/** A change at the end of each message, named as in libmilter. Addresses have their brackets. */
export type PlanChange =
  | { readonly kind: 'addheader'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'insheader' | 'chgheader';
      readonly index: number;
      readonly name: string;
      readonly value: string;
    }
  | { readonly kind: 'delheader'; readonly index: number; readonly name: string }
  | { readonly kind: 'chgfrom' | 'addrcpt'; readonly address: string; readonly args?: string }
  | { readonly kind: 'delrcpt'; readonly address: string }
  | { readonly kind: 'quarantine'; readonly reason: string }
  | { readonly kind: 'replacebody'; readonly body: string }
  | { readonly kind: 'progress' };

export interface Plan {
  readonly phases: readonly PlanPhase[];
  /** The first that fits counts. */
  readonly rules?: readonly PlanRule[];
  readonly changes?: readonly PlanChange[];
  /** Looked up in each phase, by their names on the wire. */
  readonly macros?: readonly string[];
  /** For Postern alone: `options.macros`. */
  readonly declares?: readonly string[];
  /** For libmilter alone: what it does beyond its defaults. */
  readonly libmilter?: {
    /** SMFIF_* bits that the filter declares; by default those of its changes. */
    readonly actions?: number;
    /** SMFIP_* bits that its xxfi_negotiate asks for; without it the callbacks decide. */
    readonly protocol?: number;
    /** smfi_setsymlist: stage and names. */
    readonly macroLists?: readonly (readonly [stage: number, names: string])[];
  };
}

/** A filter with every callback. */
export const ALL: readonly PlanPhase[] = PLAN_PHASES;

export const verdict = (kind: Exclude<PlanVerdict['kind'], 'reply'>): PlanVerdict => ({ kind });

export const reply = (
  code: number,
  enhanced: string,
  ...lines: readonly string[]
): PlanVerdict => ({ kind: 'reply', code, enhanced, lines });
