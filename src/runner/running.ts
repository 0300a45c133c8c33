/** An event in the middle of its chain, and how what isolates say about it is read. */

import { modificationsMisfit, verdictMisfit } from '../policy/handler-result.ts';
import type { Phase } from '../policy/phases.ts';
import type { EventOrder, LoadOrder, StepReport } from './frames.ts';
import { checkedItem, type OutboxItem } from './outbox-item.ts';
import { SandboxLost } from './sandbox.ts';
import type { SessionCopy } from './session-copy.ts';

export interface Running {
  readonly order: EventOrder;
  readonly phase: Phase;
  readonly session: SessionCopy | undefined;
  /** Index into `order.filters` of the one whose handler runs. */
  position: number;
  /** What earlier filters of the chain changed, as facts. */
  readonly earlier: string[];
  wall: NodeJS.Timeout | undefined;
}

export type DoneItem = Extract<OutboxItem, readonly ['done', ...unknown[]]>;

/** How much one handler may leave behind. */
export type OutputLimits = Pick<LoadOrder, 'stateBytes' | 'modifications'>;

/** What a handler that ended left too much of, as the end of a sentence about it. */
export function outputExcess(item: DoneItem, limits: OutputLimits): string | undefined {
  const [, , , modifications, sessionState, messageState] = item;
  const longest = Math.max(sessionState?.length ?? 0, messageState?.length ?? 0);
  if (longest > limits.stateBytes)
    return `its state takes ${longest} characters as JSON, more than limits.state of ${limits.stateBytes}`;
  const changes = modifications?.length ?? 0;
  if (changes > limits.modifications)
    return `it asked for ${changes} changes of one message, more than limits.modifications of ${limits.modifications}`;
  return undefined;
}

/** What the worker is told of a handler that ended; what did not change is left out. */
export function stepReport(filter: number, item: DoneItem): StepReport {
  const [, , verdict, modifications, sessionState, messageState] = item;
  return {
    filter,
    ...(verdict !== null && { verdict }),
    ...(modifications !== null && { modifications }),
    ...(sessionState !== null && { sessionState }),
    ...(messageState !== null && { messageState }),
  };
}

/** What is wrong with the verdict and the changes that a handler ended with, as the end of a sentence. */
export function outputMisfit(item: DoneItem, phase: Phase): string | undefined {
  const [, , verdict, modifications] = item;
  return (
    (verdict === null ? undefined : verdictMisfit(verdict, phase)) ??
    (modifications === null ? undefined : modificationsMisfit(modifications, phase))
  );
}

/** The outbox of an isolate, item by item as it should be; throws {@link SandboxLost} if it is none. */
export function parseOutbox(output: string): readonly OutboxItem[] {
  let items: unknown;
  try {
    items = JSON.parse(output);
  } catch {
    // Said below, as for every other answer that is none.
  }
  const checked = Array.isArray(items) ? items.map(checkedItem) : [undefined];
  if (checked.includes(undefined))
    throw new SandboxLost('output', 'the isolate answered with something that is no answer');
  return checked as OutboxItem[];
}

/** The phase of a GuestCall in JSON. */
export function phaseOf(call: string): Phase {
  return (JSON.parse(call) as { phase: Phase }).phase;
}
