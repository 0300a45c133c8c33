/**
 * One connection of an MTA: bytes to commands, replies to bytes, and everything that can go
 * wrong with a socket. What the commands mean is the session's business.
 */

import type { Duplex } from 'node:stream';
import { CommandDecoder, MilterCodecError } from 'net-milter-codec';
import type { Engine } from '../engine/contract.ts';
import { IdleWatch } from './idle-watch.ts';
import { errorFields, type Logger } from './logger.ts';
import { ReplyWriter } from './reply-writer.ts';
import { Session } from './session.ts';
import type { SessionLimits, SessionPort } from './session-port.ts';
import type { Timer, Timers } from './timers.ts';

export interface ConnectionLimits extends SessionLimits {
  readonly packetBytes: number;
  readonly idleMs: number;
  readonly writeMs: number;
}

/** A socket, or any other stream both ways. */
export type MilterStream = Duplex & {
  /** Of the MTA, for logs. */
  readonly remoteAddress?: string | undefined;
};

export interface ConnectionOptions {
  readonly socket: MilterStream;
  readonly engine: Engine;
  /** Indexes into the engine's filters, in order. */
  readonly scope: readonly number[];
  readonly limits: ConnectionLimits;
  readonly log: Logger;
  readonly timers: Timers;
  /** Where it came in, for logs. */
  readonly listener: string;
  /** The socket is closed and the session has ended. */
  readonly onEnd: () => void;
}

/** While more commands and calls than this wait for filters, nothing more is read. */
const MOST_WAITING = 64;

const NEGOTIATION_MS = 60_000;

/** Shown of a peer that does not speak the protocol. */
const SHOWN_BYTES = 40;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: MilterStream;
  readonly #decoder: CommandDecoder;
  readonly #session: Session;
  readonly #writer: ReplyWriter;
  readonly #idle: IdleWatch;
  /** How the stream began, until something was negotiated. */
  #beginning = '';
  #pumping = false;
  #closing = false;
  /** Leaves after this time without a command, as soon as no message is under way. */
  #quietMs: number | undefined;
  #quiet: Timer | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket, timers, limits } = options;
    this.#socket = socket;
    this.#decoder = new CommandDecoder({ maxPacketBytes: limits.packetBytes });
    this.#writer = new ReplyWriter(socket, timers, limits.writeMs, () => this.#writeTimedOut());
    const port: SessionPort = {
      send: (replies) => this.#writer.send(replies),
      close: () => this.#end(),
      changed: () => this.#changed(),
    };
    this.#session = new Session({ ...options, port });
    socket.on('data', (chunk: Buffer) => this.#heard(chunk));
    socket.on('drain', () => this.#changed());
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.#broken(error));
    socket.on('close', () => this.#closed());
    this.#idle = new IdleWatch({
      timers,
      idleMs: () => this.#idleMs,
      isOurTurn: () => this.#session.isWaiting,
      onIdle: () => this.#idled(),
    });
  }

  /**
   * Ends it between messages: at once if no message is under way and no command came for
   * `quietMs`, else as soon as that is so.
   */
  shutdown(quietMs: number): void {
    this.#quietMs = quietMs;
    this.#leaveWhenQuiet();
  }

  /** Ends it now; the message under way is given up. */
  destroy(): void {
    this.#session.vanish();
    this.#socket.destroy();
  }

  get #about(): object {
    const { remoteAddress } = this.#socket;
    return {
      listener: this.#options.listener,
      ...(remoteAddress !== undefined && { mta: remoteAddress }),
      ...this.#session.about,
    };
  }

  #heard(chunk: Buffer): void {
    this.#idle.heard();
    if (this.#closing) return;
    if (this.#session.isNew && this.#beginning.length < SHOWN_BYTES) {
      this.#beginning += chunk.toString('latin1', 0, SHOWN_BYTES);
    }
    try {
      this.#decoder.push(chunk);
      this.#pump();
    } catch (error) {
      this.#malformed(error);
    }
  }

  /** Takes commands until there are none, or too many wait. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (!this.#closing && !this.#mustWait) {
        const command = this.#decoder.next();
        if (command === undefined) break;
        this.#session.receive(command);
      }
    } finally {
      this.#pumping = false;
    }
    if (this.#mustWait) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
    this.#leaveWhenQuiet();
  }

  get #mustWait(): boolean {
    return this.#writer.blocked || this.#session.backlog > MOST_WAITING;
  }

  #changed(): void {
    if (this.#closing || this.#pumping) return;
    if (this.#socket.isPaused()) {
      try {
        this.#pump();
      } catch (error) {
        this.#malformed(error);
      }
    }
    this.#leaveWhenQuiet();
  }

  #writeTimedOut(): void {
    const { log, limits } = this.#options;
    const fields = { ...this.#about, limit: 'limits.write', ms: limits.writeMs };
    log.warn(fields, 'closing a connection: the MTA does not take replies');
    this.destroy();
  }

  /** MTAs negotiate at once: who does not is none, and shall not keep a place for hours. */
  get #idleMs(): number {
    const { idleMs } = this.#options.limits;
    return this.#session.isNew ? Math.min(idleMs, NEGOTIATION_MS) : idleMs;
  }

  #idled(): void {
    const fields = { ...this.#about, limit: 'limits.idle', ms: this.#idleMs };
    this.#options.log.info(fields, 'closing a connection: the MTA was silent for too long');
    this.destroy();
  }

  #malformed(error: unknown): void {
    const { log } = this.#options;
    const fields = { ...this.#about, ...errorFields(error) };
    if (!(error instanceof MilterCodecError)) {
      log.error(fields, 'closing a connection: a defect in this server');
    } else if (this.#session.isNew) {
      log.warn(
        { ...fields, where: error.where, begins: printable(this.#beginning) },
        'closing a connection: the other side does not speak milter',
      );
    } else {
      const { where } = error;
      log.warn({ ...fields, where }, 'closing a connection: the MTA sent a malformed packet');
    }
    this.#session.vanish();
    this.#end();
  }

  #ended(): void {
    const { pendingBytes: bytes } = this.#decoder;
    if (!this.#closing && bytes > 0 && !this.#mustWait) {
      this.#options.log.warn({ ...this.#about, bytes }, 'a connection ended inside a packet');
    }
    this.#session.vanish();
    this.#end();
  }

  #broken(error: Error): void {
    const fields = { ...this.#about, ...errorFields(error) };
    if (!this.#closing) this.#options.log.info(fields, 'a connection broke');
    this.#session.vanish();
  }

  /** Closes after what was written has gone out. */
  #end(): void {
    this.#closing = true;
    this.#socket.end(() => this.#socket.destroy());
  }

  #closed(): void {
    this.#closing = true;
    this.#session.vanish();
    this.#idle.stop();
    this.#writer.stop();
    this.#quiet?.cancel();
    this.#options.onEnd();
  }

  #leaveWhenQuiet(): void {
    if (this.#closing || this.#quietMs === undefined || this.#quiet !== undefined) return;
    if (!this.#session.betweenMessages) return;
    const { timers } = this.#options;
    const left = this.#quietMs - this.#idle.silentMs;
    if (left > 0) {
      this.#quiet = timers.after(left, () => {
        this.#quiet = undefined;
        this.#leaveWhenQuiet();
      });
      return;
    }
    this.#end();
    this.#session.leave();
  }
}

function printable(bytes: string): string {
  return bytes.slice(0, SHOWN_BYTES).replace(/[^\x20-\x7e]/g, '.');
}
