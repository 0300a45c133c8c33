/** Bytes in, packets out: for a stream that arrives in pieces of any size. */

import { readCommand } from './decode-command.ts';
import { readReply } from './decode-reply.ts';
import { DEFAULT_MAX_PACKET_BYTES } from './limits.ts';
import { PacketFinder } from './packet-finder.ts';
import type { Command, Reply } from './packets.ts';

/** A packet whose data was not looked at. */
export interface Frame {
  /** The code byte: see `SMFIC` and `SMFIR`. */
  readonly code: number;
  /** A slice of what was pushed, not a copy. */
  readonly data: Buffer;
}

export interface DecoderOptions {
  /**
   * The longest packet, code and data, in bytes; checked before anything of that length is
   * allocated. Default: {@link DEFAULT_MAX_PACKET_BYTES}. With a RangeError for anything but
   * a whole number from 1 on.
   */
  readonly maxPacketBytes?: number;
}

/** What a decoder makes of the packet whose code is `code` and whose data is `start` to `end`. */
type Read<T> = (code: number, buffer: Buffer, start: number, end: number) => T;

class StreamDecoder<T> {
  readonly #finder: PacketFinder;
  readonly #read: Read<T>;
  #failure: { readonly error: unknown } | undefined;

  constructor(read: Read<T>, options: DecoderOptions) {
    const { maxPacketBytes = DEFAULT_MAX_PACKET_BYTES } = options;
    if (!Number.isSafeInteger(maxPacketBytes) || maxPacketBytes < 1) {
      throw new RangeError(`expected maxPacketBytes to be a whole number, got ${maxPacketBytes}`);
    }
    this.#read = read;
    this.#finder = new PacketFinder(maxPacketBytes);
  }

  /**
   * Adds what came from the socket. The memory belongs to the decoder from here on: packets
   * are slices of it. Nothing is decoded yet; call `next()` until it gives `undefined`.
   */
  push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#finder.push(chunk);
  }

  /**
   * The next packet, or `undefined` until more was pushed. Throws `MilterCodecError` when the
   * peer breaks the protocol, and the same error from each later call: close the connection.
   */
  next(): T | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const finder = this.#finder;
    try {
      if (!finder.find()) return undefined;
      const { buffer, start } = finder;
      return this.#read(buffer[start] ?? 0, buffer, start + 1, finder.end);
    } catch (error) {
      this.#failure = { error };
      finder.clear();
      throw error;
    }
  }

  /** All packets that are complete; the same as `next()` in a loop. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let packet = this.next(); packet !== undefined; packet = this.next()) yield packet;
  }

  /**
   * Bytes that were pushed and are not yet part of a packet handed out. At the end of a
   * stream, more than 0 means that it was cut inside a packet.
   */
  get pendingBytes(): number {
    return this.#finder.pendingBytes;
  }
}

/** Both directions: packets as code and data, for `decodeCommand` and `decodeReply`. */
export class PacketDecoder extends StreamDecoder<Frame> {
  constructor(options: DecoderOptions = {}) {
    super(readFrame, options);
  }
}

/** The filter's end of a connection. */
export class CommandDecoder extends StreamDecoder<Command> {
  constructor(options: DecoderOptions = {}) {
    super(readCommand, options);
  }
}

/** The MTA's end of a connection. */
export class ReplyDecoder extends StreamDecoder<Reply> {
  constructor(options: DecoderOptions = {}) {
    super(readReply, options);
  }
}

/** What an MTA says in this packet. Throws `MilterCodecError`. */
export function decodeCommand(frame: Frame): Command {
  return readCommand(frame.code, frame.data, 0, frame.data.length);
}

/** What a filter answers in this packet. Throws `MilterCodecError`. */
export function decodeReply(frame: Frame): Reply {
  return readReply(frame.code, frame.data, 0, frame.data.length);
}

function readFrame(code: number, buffer: Buffer, start: number, end: number): Frame {
  return { code, data: buffer.subarray(start, end) };
}
