/** A session without a socket: a test says commands and reads what was answered. */

import type { Command, Reply } from 'net-milter-codec';
import { SMFI_CURR_ACTS, SMFI_CURR_PROT } from 'net-milter-codec';
import type { FilterDescription } from '../../src/engine/contract.ts';
import type { Logger } from '../../src/milter/logger.ts';
import { Session } from '../../src/milter/session.ts';
import type { CloseReason, SessionLimits } from '../../src/milter/session-port.ts';
import { type Answer, FakeEngine, type FakeSession, type Script } from './fake-engine.ts';
import { FakeTimers } from './fake-timers.ts';

export const LIMITS: SessionLimits = {
  headers: 10,
  headerBytes: 10_000,
  recipients: 5,
  messageBytes: 1_000_000,
  delayMs: 25_000,
  progressMs: 5_000,
};

export class FakeLog implements Logger {
  readonly lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  info = (fields: object, message: string) => this.#push('info', fields, message);
  warn = (fields: object, message: string) => this.#push('warn', fields, message);
  error = (fields: object, message: string) => this.#push('error', fields, message);

  #push(level: string, fields: object, message: string): void {
    this.lines.push({ level, fields: { ...fields }, message });
  }
}

export class Dialogue {
  readonly engine: FakeEngine;
  readonly session: Session;
  readonly timers = new FakeTimers();
  readonly log = new FakeLog();
  /** Each write, as the kinds of its replies. */
  readonly writes: Reply[][] = [];
  readonly closed: CloseReason[] = [];
  #read = 0;

  constructor(
    filters: readonly FilterDescription[],
    script?: Script,
    limits: Partial<SessionLimits> = {},
  ) {
    this.engine = new FakeEngine(filters, script);
    this.session = new Session({
      engine: this.engine,
      scope: filters.map((_, index) => index),
      limits: { ...LIMITS, ...limits },
      log: this.log,
      timers: this.timers,
      port: {
        send: (replies) => this.writes.push([...replies]),
        close: (reason) => this.closed.push(reason),
        changed: () => {},
      },
    });
  }

  get filters(): FakeSession {
    return this.engine.last;
  }

  /** Negotiates as a current Postfix does, or as told; forgets the reply. */
  async negotiated(
    protocol = SMFI_CURR_PROT,
    version = 6,
    actions = SMFI_CURR_ACTS,
  ): Promise<this> {
    await this.say({ kind: 'optneg', version, actions, protocol });
    return this;
  }

  /** The replies to these commands, once nothing moves any more. */
  async say(...commands: Command[]): Promise<readonly string[]> {
    for (const command of commands) this.session.receive(command);
    return this.heard();
  }

  /** Kinds of the replies since the last time; several in one write are joined by `+`. */
  async heard(): Promise<readonly string[]> {
    await settled();
    const fresh = this.writes.slice(this.#read);
    this.#read = this.writes.length;
    return fresh.map((replies) => replies.map(({ kind }) => kind).join('+'));
  }

  /** The replies of the last write. */
  get lastWrite(): readonly Reply[] {
    return this.writes.at(-1) ?? [];
  }
}

/** Everything that is due in promises has run. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

export const connect: Command = {
  kind: 'connect',
  hostname: 'mx.example.org',
  family: 'inet',
  port: 25,
  address: '192.0.2.7',
};
export const helo: Command = { kind: 'helo', name: 'mx.example.org' };
export const mail: Command = { kind: 'mail', address: '<a@example.org>', args: ['SIZE=100'] };
export const data: Command = { kind: 'data' };
export const eoh: Command = { kind: 'eoh' };
export const eom: Command = { kind: 'bodyeob' };
export const abort: Command = { kind: 'abort' };
export const quit: Command = { kind: 'quit' };
export const quitNc: Command = { kind: 'quitNc' };
export const unknown: Command = { kind: 'unknown', command: 'XYZZY' };

export function rcpt(address = '<b@example.com>', ...args: string[]): Command {
  return { kind: 'rcpt', address, args };
}

export function header(name = 'Subject', value = ' hello'): Command {
  return { kind: 'header', name, value };
}

export function body(text = 'text\r\n'): Command {
  return { kind: 'body', chunk: Buffer.from(text) };
}

export function macro(command: string, values: Record<string, string>): Command {
  return { kind: 'macro', command, values: Object.entries(values) };
}

/** A promise that a test settles. */
export function hold<T>(): { promise: Promise<T>; release: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { promise, release: resolve };
}

/** A script that answers by phase. */
export const says = (answers: Record<string, Answer>) => (call: { phase: string }) =>
  answers[call.phase];
