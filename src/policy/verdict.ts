/** What a filter's handler decides, and which decisions make sense in which phase. */

import { isMessagePhase, type Phase } from './phases.ts';
import type { SmtpReply } from './smtp-reply.ts';

export type Verdict =
  | { readonly kind: 'continue' }
  /** `all`: for all filters, not only for the one that says so. */
  | { readonly kind: 'accept'; readonly all?: boolean }
  /** Without `reply` the MTA uses its own text. */
  | { readonly kind: 'reject'; readonly reply?: SmtpReply }
  | { readonly kind: 'tempfail'; readonly reply?: SmtpReply }
  | { readonly kind: 'discard' }
  | { readonly kind: 'skip' }
  /** The back end of a login: an address and a port; `user`: the login there. */
  | { readonly kind: 'route'; readonly host: string; readonly port: number; readonly user?: string }
  /** Actions of access(5), each with its text. */
  | { readonly kind: 'prepend' | 'redirect' | 'hold' | 'filter'; readonly text: string }
  /** Answer with `answer`, but only after `ms` milliseconds. */
  | { readonly kind: 'delay'; readonly ms: number; readonly answer: Verdict };

export type VerdictKind = Verdict['kind'];

export const CONTINUE: Verdict = { kind: 'continue' };

const ENVELOPE: readonly VerdictKind[] = ['accept', 'reject', 'tempfail', 'discard', 'delay'];

/** Verdicts beside `continue` that a phase allows; a phase without an entry allows none. */
const ALLOWED: Partial<Record<Phase, readonly VerdictKind[]>> = {
  connect: ['accept', 'reject', 'tempfail', 'delay'],
  helo: ['accept', 'reject', 'tempfail', 'delay'],
  mail: ENVELOPE,
  rcpt: ENVELOPE,
  data: ENVELOPE,
  unknown: ['reject', 'tempfail', 'delay'],
  header: ENVELOPE,
  eoh: ENVELOPE,
  body: [...ENVELOPE, 'skip'],
  eom: ENVELOPE,
  auth: ['accept', 'reject', 'tempfail', 'delay', 'route'],
  access: [...ENVELOPE, 'prepend', 'redirect', 'hold', 'filter'],
};

/** Why this verdict makes no sense in this phase, or `undefined` if it does. */
export function misplaced(verdict: Verdict, phase: Phase): string | undefined {
  if (verdict.kind === 'continue') return undefined;
  const allowed = ALLOWED[phase] ?? [];
  if (!allowed.includes(verdict.kind)) {
    const instead = allowed.length === 0 ? 'return nothing' : `use one of: ${allowed.join(', ')}`;
    return `${verdict.kind}() makes no sense in ${phase}: ${instead}`;
  }
  return verdict.kind === 'delay' ? misplaced(verdict.answer, phase) : undefined;
}

/** Whether this verdict ends the chain of filters for its event. */
export function endsChain(verdict: Verdict): boolean {
  switch (verdict.kind) {
    case 'reject':
    case 'tempfail':
    case 'discard':
      return true;
    case 'accept':
      return verdict.all === true;
    case 'delay':
      return endsChain(verdict.answer);
    case 'continue':
    case 'skip':
    case 'route':
    case 'prepend':
    case 'redirect':
    case 'hold':
    case 'filter':
      return false;
    default:
      return verdict satisfies never;
  }
}

/** Whether this verdict asks for something that only one filter can have: the first that asks. */
export function isAction(verdict: Verdict): boolean {
  return ['route', 'prepend', 'redirect', 'hold', 'filter'].includes(verdict.kind);
}

/** Whether this verdict settles the fate of the whole message: at RCPT, a refusal concerns one recipient. */
export function decidesMessage(verdict: Verdict, phase: Phase): boolean {
  if (!isMessagePhase(phase) || !endsChain(verdict)) return false;
  const { kind } = withoutDelay(verdict).verdict;
  return phase !== 'rcpt' || kind === 'discard' || kind === 'accept';
}

/** The verdict without its delay, and the delay in milliseconds. */
export function withoutDelay(verdict: Verdict): { verdict: Verdict; delayMs: number } {
  let delayMs = 0;
  let inner = verdict;
  while (inner.kind === 'delay') {
    delayMs += inner.ms;
    inner = inner.answer;
  }
  return { verdict: inner, delayMs };
}
