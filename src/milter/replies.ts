/** Verdicts as replies. */

import { formatReplycode, MilterCodecError, type Reply } from 'net-milter-codec';
import type { Outcome } from '../engine/contract.ts';
import type { SmtpReply } from '../policy/smtp-reply.ts';
import { CONTINUE, type Verdict } from '../policy/verdict.ts';

export const CONTINUE_REPLY: Reply = Object.freeze({ kind: 'continue' });
export const SKIP_REPLY: Reply = Object.freeze({ kind: 'skip' });
export const PROGRESS_REPLY: Reply = Object.freeze({ kind: 'progress' });

/** The outcome where no filter has a say. */
export const NOTHING_SAID: Outcome = Object.freeze({
  verdict: CONTINUE,
  delayMs: 0,
  modifications: [],
});

/** The reply for a verdict. `skip` is a matter of the body alone and continues elsewhere. */
export function replyTo(verdict: Verdict): Reply {
  switch (verdict.kind) {
    case 'continue':
    case 'skip':
    // Those of logins and policy requests never come from an SMTP phase.
    case 'route':
    case 'prepend':
    case 'redirect':
    case 'hold':
    case 'filter':
      return CONTINUE_REPLY;
    case 'accept':
    case 'discard':
      return { kind: verdict.kind };
    case 'reject':
    case 'tempfail':
      return refusal(verdict.kind, verdict.reply);
    case 'delay':
      return replyTo(verdict.answer);
    default:
      return verdict satisfies never;
  }
}

function refusal(kind: 'reject' | 'tempfail', reply: SmtpReply | undefined): Reply {
  if (reply === undefined) return { kind };
  try {
    return { kind: 'replycode', text: formatReplycode(reply) };
  } catch (error) {
    // Texts are checked where filters give them; should one slip through, the class still holds.
    if (error instanceof MilterCodecError) return { kind };
    throw error;
  }
}

/** Whether a verdict decides about the whole message (at `rcpt`: see `endsMessageAtRcpt`). */
export function isFinal(verdict: Verdict): boolean {
  switch (verdict.kind) {
    case 'accept':
    case 'reject':
    case 'tempfail':
    case 'discard':
      return true;
    case 'continue':
    case 'skip':
    case 'route':
    case 'prepend':
    case 'redirect':
    case 'hold':
    case 'filter':
      return false;
    case 'delay':
      return isFinal(verdict.answer);
    default:
      return verdict satisfies never;
  }
}

/** At RCPT a refusal concerns that recipient alone. */
export function endsMessageAtRcpt(verdict: Verdict): boolean {
  return verdict.kind === 'accept' || verdict.kind === 'discard';
}
