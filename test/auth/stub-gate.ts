/** A gate whose filters are functions of the test. */

import type { AskOptions, Gate, LoginCall } from '../../src/auth/gate.ts';
import { LoginLog } from '../../src/auth/log.ts';
import type { Outcome } from '../../src/engine/contract.ts';
import type { Verdict } from '../../src/policy/verdict.ts';

export interface StubGate {
  readonly gate: Gate;
  /** What was asked, in order. */
  readonly calls: LoginCall[];
  readonly options: AskOptions[];
  /** The owners whose leases ended. */
  readonly ended: string[];
  answer: (call: LoginCall, options: AskOptions) => Verdict | Promise<Verdict>;
  delayMs: number;
}

export function stubGate(answer: StubGate['answer'] = () => ({ kind: 'continue' })): StubGate {
  const calls: LoginCall[] = [];
  const options: AskOptions[] = [];
  const ended: string[] = [];
  const stub: StubGate = {
    gate: undefined as unknown as Gate,
    calls,
    options,
    ended,
    answer,
    delayMs: 0,
  };
  const gate: Pick<Gate, 'handles' | 'ask' | 'endLeases'> = {
    handles: () => true,
    ask: async (call, asked = {}): Promise<Outcome> => {
      calls.push(call);
      options.push(asked);
      const verdict = await stub.answer(call, asked);
      return { verdict, delayMs: stub.delayMs, modifications: [] };
    },
    endLeases: (owner) => {
      ended.push(owner.id);
    },
  };
  return Object.assign(stub, { gate: gate as Gate });
}

export interface Lines {
  readonly log: LoginLog;
  readonly lines: { level: string; fields: object; text: string }[];
}

export function logLines(): Lines {
  const lines: Lines['lines'] = [];
  const at = (level: string) => (fields: object, text: string) => {
    lines.push({ level, fields, text });
  };
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { log: new LoginLog(logger), lines };
}
