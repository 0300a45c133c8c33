/**
 * What the filters decide as an action of access(5), which is what a policy server answers.
 *
 * `accept` is DUNNO, also with `all`: OK would end the list of restrictions in Postfix, so a
 * filter that is satisfied would let through what the operator's next restriction refuses, and
 * an open relay is one misplaced `check_policy_service` away. Postern speaks for its filters only.
 *
 * A delay without more to say is left to Postfix (SLEEP): an smtpd process waits either way, but
 * only this way may the tarpit outlast `smtpd_policy_service_timeout`, and Postern keeps nothing
 * open meanwhile. SLEEP cannot stand beside another action, so those Postern holds back itself.
 */

import type { Outcome } from '../../engine/contract.ts';
import { MAX_REPLY_LINE_BYTES, type SmtpReply } from '../../policy/smtp-reply.ts';
import { isInMessage } from './request.ts';

/** What to answer, and how. */
export interface PolicyAnswer {
  /** `DUNNO`, `550 5.7.1 No` ... One line; {@link encodeAnswer} puts it on the wire. */
  readonly action: string;
  /** How long to hold it back. */
  readonly waitMs: number;
  /** Why this is not what the filter wanted, for its author. */
  readonly problem?: string;
}

/** The answer to a request in this state. No delay is longer than `longestDelayMs`. */
export function policyAnswer(
  { verdict, delayMs }: Outcome,
  state: string,
  longestDelayMs: number,
): PolicyAnswer {
  const { action, problem } = actionOf(verdict, state);
  const waitMs = Math.min(delayMs, longestDelayMs);
  const because = problem === undefined ? {} : { problem };
  if (action !== DUNNO || waitMs <= 0) return { action, waitMs: Math.max(0, waitMs), ...because };
  return { action: `SLEEP ${Math.ceil(waitMs / 1000)}`, waitMs: 0, ...because };
}

/** The bytes that answer a request. Whatever the action holds, it stays one line. */
export function encodeAnswer(action: string): Buffer {
  return Buffer.from(`action=${oneLine(action)}\n\n`, 'utf8');
}

type Action = Pick<PolicyAnswer, 'action' | 'problem'>;

const DUNNO = 'DUNNO';

/** A temporary refusal in Postfix's words, unless another restriction refuses for good. */
const LATER = 'DEFER_IF_PERMIT';

function actionOf(verdict: Outcome['verdict'], state: string): Action {
  switch (verdict.kind) {
    case 'continue':
    case 'accept':
      return { action: DUNNO };
    case 'reject':
      return { action: verdict.reply ? replyText(verdict.reply) : 'REJECT' };
    case 'tempfail':
      return { action: verdict.reply ? replyText(verdict.reply) : LATER };
    case 'discard':
    case 'hold':
    case 'prepend':
    case 'redirect':
    case 'filter':
      return canDo(verdict.kind, state)
        ? messageAction(verdict)
        : { action: DUNNO, problem: `Postfix cannot ${verdict.kind} at ${state}` };
    case 'skip':
    case 'route':
    case 'delay':
      return { action: LATER, problem: `${verdict.kind} is no answer to a policy request` };
    default:
      return verdict satisfies never;
  }
}

type MessageVerdict = Extract<
  Outcome['verdict'],
  { readonly kind: 'discard' | 'hold' | 'prepend' | 'redirect' | 'filter' }
>;

/** Elsewhere Postfix warns in its own log and goes on; the filter's author should hear of it, too. */
function canDo(kind: MessageVerdict['kind'], state: string): boolean {
  return isInMessage(state) && !(kind === 'prepend' && state === 'END-OF-MESSAGE');
}

function messageAction(verdict: MessageVerdict): Action {
  switch (verdict.kind) {
    case 'discard':
      return { action: 'DISCARD' };
    case 'hold':
      return { action: shortened(`HOLD ${verdict.text}`.trimEnd()) };
    case 'prepend':
    case 'redirect':
    case 'filter':
      return exactly(verdict.kind.toUpperCase(), verdict.text);
    default:
      return verdict satisfies never;
  }
}

/** RFC 5322 section 2.1.1: no header line is longer, and no address or transport comes near. */
const MAX_EXACT_BYTES = 998;

/** An action whose text means something to Postfix: a changed or a shortened one would mean something else. */
function exactly(name: string, text: string): Action {
  if (text !== '' && oneLine(text) === text && Buffer.byteLength(text) <= MAX_EXACT_BYTES) {
    return { action: `${name} ${text}` };
  }
  const problem = `the text of ${name.toLowerCase()} is empty, longer than ${MAX_EXACT_BYTES} bytes or holds control characters`;
  return { action: LATER, problem };
}

/** SMTP clients get all lines as one: an action has only one. */
function replyText({ code, enhanced, lines }: SmtpReply): string {
  const status = enhanced === undefined ? '' : `${enhanced} `;
  return shortened(`${code} ${status}${lines.join(' ')}`.trimEnd());
}

/** Control characters end lines, and NUL ends texts. A tab does no harm, and headers have them. */
function oneLine(text: string): string {
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f]+/g, ' ');
}

/** Postfix passes on what it gets: within the bytes that a line of a reply may have, and never half a character. */
function shortened(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= MAX_REPLY_LINE_BYTES) return text;
  let end = MAX_REPLY_LINE_BYTES;
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
