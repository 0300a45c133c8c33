/** The end of a message: the last verdict, the modifications and the final reply. */

import type { Reply } from 'net-milter-codec';
import type { Outcome } from '../engine/contract.ts';
import { verdictOnError } from '../policy/on-error.ts';
import type { Conversation } from './conversation.ts';
import type { MtaKind } from './header-plan.ts';
import { errorFields } from './logger.ts';
import { ModificationError } from './modification-error.ts';
import { modificationReplies } from './modifications.ts';
import { NOTHING_SAID, replyTo } from './replies.ts';
import type { Transaction } from './transaction.ts';

/**
 * Ends the message with the verdicts of its deferred calls and of `eom`. Gives a promise if
 * they have to be waited for. `ended` runs after the reply was sent.
 */
export function endOfMessage(
  conversation: Conversation,
  message: Transaction,
  ended: () => void,
): Promise<void> | undefined {
  const { filters, progress } = conversation;
  const called =
    message.decision === undefined && filters.handles('eom')
      ? filters.call({ phase: 'eom', size: message.sizeBytes })
      : undefined;
  if (called === undefined && message.deferred.length === 0 && message.delayMs === 0) {
    conclude(conversation, message, NOTHING_SAID);
    ended();
    return undefined;
  }
  progress.start();
  return waitForVerdicts(conversation, message, called).then((outcome) => {
    progress.stop();
    if (conversation.gone) return;
    conclude(conversation, message, outcome);
    ended();
  });
}

async function waitForVerdicts(
  conversation: Conversation,
  message: Transaction,
  called: Promise<Outcome> | undefined,
): Promise<Outcome> {
  await Promise.all(message.deferred);
  const outcome = (await called) ?? NOTHING_SAID;
  // Once a deferred verdict decided, the eom handlers did not run.
  const ownDelayMs = message.decision === undefined ? outcome.delayMs : 0;
  const delayMs = Math.min(message.delayMs + ownDelayMs, conversation.options.limits.delayMs);
  if (delayMs > 0 && !conversation.gone) await conversation.patience.wait(delayMs);
  return outcome;
}

/** Everything leaves in one write: the MTA sees the modifications and the reply at once. */
function conclude(conversation: Conversation, message: Transaction, outcome: Outcome): void {
  const replies =
    message.decision === undefined ? repliesTo(conversation, message, outcome) : [message.decision];
  conversation.send(replies);
  message.end(replies.at(-1)!);
}

/** Modifications, if the message lives on, then the final reply. */
function repliesTo(
  conversation: Conversation,
  message: Transaction,
  outcome: Outcome,
): readonly Reply[] {
  const final = replyTo(outcome.verdict);
  const livesOn = final.kind === 'continue' || final.kind === 'accept';
  if (!livesOn || outcome.modifications.length === 0) return [final];
  try {
    const replies = modificationReplies(outcome.modifications, {
      headers: message.headers,
      recipients: message.recipients,
      mailArgs: message.mailArgs,
      smtputf8: message.smtputf8,
      actions: conversation.agreement.actions,
      leadingSpace: conversation.agreement.leadingSpace,
      mta: mtaKind(conversation),
    });
    return [...replies, final];
  } catch (error) {
    if (!(error instanceof ModificationError)) throw error;
    return [replyOnMistake(conversation, outcome, error)];
  }
}

/** Postfix says `Postfix 3.7.11` in macro v (milter_macro_v), Sendmail its bare version. */
function mtaKind(conversation: Conversation): MtaKind {
  return conversation.macros.get('v')?.startsWith('Postfix') ? 'postfix' : 'other';
}

/** A modification that cannot be: the failure of the filter that asked for it. */
function replyOnMistake(
  conversation: Conversation,
  outcome: Outcome,
  mistake: ModificationError,
): Reply {
  const { engine, log } = conversation.options;
  const index = outcome.modifiedBy?.[mistake.index];
  const filter = index === undefined ? undefined : engine.filters[index];
  const onError = filter?.options.onError ?? 'tempfail';
  log.error(
    {
      ...conversation.about,
      filter: filter?.name ?? outcome.filter,
      phase: 'eom',
      onError,
      ...errorFields(mistake),
    },
    'a filter asked for a modification that cannot be made; none of the message was made',
  );
  return replyTo(verdictOnError(onError, 'eom'));
}
