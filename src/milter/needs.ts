/**
 * What the filters of a listener need of the MTA. Every event that is not sent and every
 * reply that is not waited for saves a round trip on each message.
 */

import type { MacroList } from 'net-milter-codec';
import type { FilterDescription } from '../engine/contract.ts';
import { isDeferredPhase, SMTP_PHASES, type SmtpPhase } from '../policy/phases.ts';
import { macroLists } from './macro-lists.ts';

/** The phases that the MTA can be told not to send or not to wait for, in their order. */
export const NEGOTIABLE_PHASES = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'unknown',
  'header',
  'eoh',
  'body',
] as const satisfies readonly SmtpPhase[];

export type NegotiablePhase = (typeof NEGOTIABLE_PHASES)[number];

/**
 * `answered`: sent, and the MTA waits for a reply. `told`: sent, nobody waits.
 * `off`: not sent.
 */
export type Need = 'answered' | 'told' | 'off';

/** How much of the body is kept for filters. */
export type BodyNeed =
  | { readonly kind: 'none' }
  | { readonly kind: 'all' }
  | { readonly kind: 'first'; readonly bytes: number };

export interface Needs {
  readonly phases: Readonly<Record<NegotiablePhase, Need>>;
  readonly body: BodyNeed;
  /** Whether the leading space of header values matters: filters see or write headers. */
  readonly headers: boolean;
  /** Whether an `eom` handler may change messages. */
  readonly modifies: boolean;
  /** Lists of macros, if the MTA's own choice is not enough. */
  readonly macros?: readonly MacroList[];
}

/**
 * Phases in which a filter can look at what another phase brought: a filter that exports
 * only `eom` still reads `message.sender`.
 */
const FACT_READERS: Readonly<Partial<Record<NegotiablePhase, readonly SmtpPhase[]>>> = {
  connect: SMTP_PHASES,
  helo: SMTP_PHASES.filter((phase) => phase !== 'connect'),
  mail: ['rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'abort'],
  rcpt: ['data', 'header', 'eoh', 'body', 'eom', 'abort'],
  header: ['eoh', 'body', 'eom'],
};

/** What these filters, which run together on one listener, need. */
export function needsOf(filters: readonly FilterDescription[]): Needs {
  const enforcing = filters.filter(({ options }) => options.mode !== 'observe');
  const exported = (phase: SmtpPhase) => filters.some(({ phases }) => phases.has(phase));
  const enforced = (phase: SmtpPhase) => enforcing.some(({ phases }) => phases.has(phase));

  const needOf = (phase: NegotiablePhase): Need => {
    // Sendmail says ABORT only if it has had a reply to MAIL (milter.c, SMFS_INMSG).
    if (phase === 'mail' && exported('abort')) return 'answered';
    if (exported(phase)) return enforced(phase) && !isDeferredPhase(phase) ? 'answered' : 'told';
    return FACT_READERS[phase]?.some(exported) ? 'told' : 'off';
  };
  const body = bodyNeedOf(filters);
  const phases = Object.fromEntries(
    NEGOTIABLE_PHASES.map((phase) => [phase, phase === 'body' ? bodyReply(body) : needOf(phase)]),
  ) as Record<NegotiablePhase, Need>;
  const declaredMacros = filters.flatMap(({ options }) => options.macros ?? []);
  return {
    phases,
    body,
    headers: phases.header !== 'off' || enforced('eom'),
    modifies: enforced('eom'),
    ...(declaredMacros.length > 0 && { macros: macroLists(declaredMacros) }),
  };
}

/** The most that any filter wants. */
function bodyNeedOf(filters: readonly FilterDescription[]): BodyNeed {
  let need: BodyNeed = { kind: 'none' };
  for (const { phases, options } of filters) {
    if (!phases.has('body') && !phases.has('eom')) continue;
    const wants = options.body ?? { kind: 'all' };
    if (wants.kind === 'all') return { kind: 'all' };
    if (wants.kind === 'none') continue;
    const bytes: number = need.kind === 'first' ? Math.max(need.bytes, wants.bytes) : wants.bytes;
    need = { kind: 'first', bytes };
  }
  return need;
}

/** Where only a beginning is wanted, chunks are answered, so that SKIP can stop them. */
function bodyReply(body: BodyNeed): Need {
  switch (body.kind) {
    case 'none':
      return 'off';
    case 'all':
      return 'told';
    case 'first':
      return 'answered';
    default:
      return body satisfies never;
  }
}
