/** Which filter of an event's chain is next, and when the chain ends. */

import { isMessagePhase } from '../policy/phases.ts';
import { decidesMessage, endsChain, type Verdict, withoutDelay } from '../policy/verdict.ts';
import type { EventOrder } from './frames.ts';
import { phaseOf, type Running } from './running.ts';
import type { SessionCopy } from './session-copy.ts';

/** An event before its first filter; the session learns what it brings. */
export function beginChain(order: EventOrder, session: SessionCopy | undefined): Running {
  session?.learn(order);
  if (session) session.running = order.event;
  return {
    order,
    phase: phaseOf(order.call),
    session,
    position: -1,
    earlier: [...order.earlier],
    wall: undefined,
  };
}

/** Goes on to the next filter that wants the event; `undefined` at the end of the chain. */
export function nextFilter(running: Running): number | undefined {
  const { order, session, phase } = running;
  for (running.position += 1; running.position < order.filters.length; running.position += 1) {
    if (session?.isDecided && isMessagePhase(phase)) return undefined;
    const filter = order.filters[running.position]!;
    if (phase !== 'close' && session?.isSatisfied(filter)) continue;
    if (phase === 'body' && session?.hasSkipped(filter)) continue;
    return filter;
  }
  return undefined;
}

/** Takes a filter's verdict into the session; `true` when it ends the chain. */
export function concludes(running: Running, filter: number, verdict: Verdict): boolean {
  const { session, phase } = running;
  const { kind } = withoutDelay(verdict).verdict;
  if (kind === 'accept') session?.satisfy(filter, !isMessagePhase(phase));
  if (kind === 'skip') session?.skip(filter);
  if (!endsChain(verdict)) return false;
  if (decidesMessage(verdict, phase)) session?.decide();
  return true;
}
