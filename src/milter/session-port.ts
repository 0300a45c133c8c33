/** What a session needs of the world; its connection or a test provides it. */

import type { Reply } from 'net-milter-codec';
import type { Engine } from '../engine/contract.ts';
import type { Logger } from './logger.ts';
import type { Timers } from './timers.ts';

/** Why a session wants its connection closed. */
export type CloseReason =
  /** The MTA said QUIT. */
  | 'quit'
  /** No common version of the protocol. */
  | 'refused'
  /** A command that makes no sense where it stands. */
  | 'violation'
  /** A defect in this server. */
  | 'defect';

export interface SessionPort {
  /** All of them in one write. */
  send(replies: readonly Reply[]): void;
  close(reason: CloseReason): void;
  /** `backlog` or `betweenMessages` changed. */
  changed(): void;
}

/** The part of the configuration's limits that a session keeps. */
export interface SessionLimits {
  readonly headers: number;
  readonly headerBytes: number;
  readonly recipients: number;
  readonly messageBytes: number;
  readonly delayMs: number;
  readonly progressMs: number;
}

export interface SessionOptions {
  readonly engine: Engine;
  /** Indexes into the engine's filters, in order. */
  readonly scope: readonly number[];
  readonly limits: SessionLimits;
  readonly log: Logger;
  readonly timers: Timers;
  readonly port: SessionPort;
}

/** A command that makes no sense where it stands: the two ends no longer agree on the state. */
export class ProtocolViolation extends Error {
  readonly code = 'ERR_PROTOCOL_VIOLATION';
  constructor(command: string, problem: string) {
    super(`${command.toUpperCase()} ${problem}`);
    this.name = 'ProtocolViolation';
  }
}
