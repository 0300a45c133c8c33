/** Which commands are due a reply, and which one: the dialogue without its waiting. */

import { type Command, type Reply, SMFIP } from 'net-milter-codec';
import type { Needs, NegotiablePhase } from '../../src/milter/needs.ts';
import { isDeferredPhase } from '../../src/policy/phases.ts';
import type { Verdict } from '../../src/policy/verdict.ts';

export interface DueReply {
  readonly to: Command['kind'];
  readonly kinds: readonly Reply['kind'][];
}

export interface Expected {
  readonly replies: readonly DueReply[];
  /** Why the session closed; `open`: it did not. */
  readonly end: 'open' | 'quit' | 'refused' | 'violation';
  /** How many of the commands mattered. */
  readonly commands: number;
}

/** What only the run itself knows. */
export interface Observed {
  /** The protocol bits in the replies to OPTNEG, in order. */
  readonly agreed: readonly number[];
  /** What was answered to the `connect` and `helo` calls, in order. */
  readonly greetings: readonly Verdict[];
}

const NR: Readonly<Record<NegotiablePhase, number>> = {
  connect: SMFIP.NR_CONN,
  helo: SMFIP.NR_HELO,
  mail: SMFIP.NR_MAIL,
  rcpt: SMFIP.NR_RCPT,
  data: SMFIP.NR_DATA,
  unknown: SMFIP.NR_UNKN,
  header: SMFIP.NR_HDR,
  eoh: SMFIP.NR_EOH,
  body: SMFIP.NR_BODY,
};

const REFUSALS = ['reject', 'tempfail', 'replycode'] as const;
const ENVELOPE: readonly Reply['kind'][] = ['continue', 'accept', 'discard', ...REFUSALS];
const KINDS: Readonly<Record<NegotiablePhase | 'bodyeob', readonly Reply['kind'][]>> = {
  connect: ['continue', 'accept', ...REFUSALS],
  helo: ['continue', 'accept', ...REFUSALS],
  mail: ENVELOPE,
  rcpt: ENVELOPE,
  data: ENVELOPE,
  unknown: ['continue', ...REFUSALS],
  header: ['continue'],
  eoh: ['continue'],
  body: ['continue'],
  bodyeob: ENVELOPE,
};

export function expectedReplies(
  commands: readonly Command[],
  needs: Needs,
  { agreed, greetings }: Observed,
): Expected {
  const handled = (phase: NegotiablePhase) => needs.phases[phase] !== 'off';
  const replies: DueReply[] = [];
  let state = 'new' as 'new' | 'free' | 'talking';
  let protocol = 0;
  let negotiations = 0;
  let greeted = 0;
  let begun = false;
  let connected = false;
  let hasMessage = false;
  /** What was said at connect or helo to all that follows. */
  let decision: Reply['kind'] | undefined;

  const renew = () => {
    state = 'talking';
    begun = false;
    connected = false;
    hasMessage = false;
    decision = undefined;
  };
  const reply = (to: Command['kind'], kinds: readonly Reply['kind'][]) =>
    replies.push({ to, kinds });
  const replyTo = (phase: NegotiablePhase, kinds = KINDS[phase]) => {
    if ((protocol & NR[phase]) === 0) reply(phase, handled(phase) ? kinds : ['continue']);
  };
  const greet = (phase: 'connect' | 'helo') => {
    if (needs.phases[phase] !== 'answered') return replyTo(phase, ['continue']);
    const verdict = greetings[greeted];
    greeted += 1;
    // The client left before the answer was there.
    if (verdict === undefined) return replyTo(phase);
    const kind = kindOf(verdict);
    if (kind !== 'continue') decision = kind;
    replyTo(phase, [kind]);
  };

  for (const [at, command] of commands.entries()) {
    const ended = (end: Expected['end']): Expected => ({ replies, end, commands: at + 1 });
    const { kind } = command;
    if (kind === 'quit') return ended('quit');
    if (kind === 'quitNc') {
      if (state === 'talking') state = 'free';
      continue;
    }
    if (kind === 'optneg') {
      if (state === 'talking' && begun) return ended('violation');
      if (command.version < 2) return ended('refused');
      protocol = agreed[negotiations] ?? 0;
      negotiations += 1;
      renew();
      reply('optneg', ['optneg']);
      continue;
    }
    if (state === 'new') return ended('violation');
    if (state === 'free' || (kind === 'connect' && connected)) renew();
    begun = true;
    if (kind === 'connect') connected = true;
    if (kind === 'macro') continue;
    if (decision !== undefined) {
      const isRefused = decision !== 'accept' && !isDeferredPhase(kind as never);
      const kinds = [isRefused ? decision : 'continue'] as const;
      if (kind === 'bodyeob') reply(kind, kinds);
      else if (kind !== 'abort' && (protocol & NR[kind]) === 0) reply(kind, kinds);
      continue;
    }
    switch (kind) {
      case 'connect':
        greet('connect');
        break;
      case 'helo':
        hasMessage = false;
        greet('helo');
        break;
      case 'mail':
        hasMessage = handled('mail');
        replyTo('mail');
        break;
      case 'abort':
        hasMessage = false;
        break;
      case 'unknown':
        replyTo('unknown');
        break;
      case 'bodyeob':
        if (handled('mail') && !hasMessage) return ended('violation');
        reply('bodyeob', KINDS.bodyeob);
        break;
      default:
        if (handled(kind) && handled('mail') && !hasMessage) return ended('violation');
        replyTo(kind, kind === 'body' && canSkip(protocol) ? ['continue', 'skip'] : KINDS[kind]);
    }
  }
  return { replies, end: 'open', commands: commands.length };
}

function canSkip(protocol: number): boolean {
  return (protocol & SMFIP.SKIP) !== 0;
}

function kindOf(verdict: Verdict): Reply['kind'] {
  switch (verdict.kind) {
    case 'reject':
    case 'tempfail':
      return verdict.reply === undefined ? verdict.kind : 'replycode';
    case 'accept':
      return 'accept';
    default:
      return 'continue';
  }
}
