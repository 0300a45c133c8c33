/**
 * Where packets begin and end in a stream that arrives in pieces of any size.
 *
 *     uint32 BE length | code | data            length counts code and data, not itself
 *
 *      #chunk                                          #queue
 *     ┌───────────┬──────┬────┬──────┬──────┬───────┐ ┌─────────┐ ┌─────────┐
 *     │ handed out│length│code│ data │length│code da│ │ta       │ │         │
 *     └───────────┴──────┴────┴──────┴──────┴───────┘ └─────────┘ └─────────┘
 *                 ^ #at                      ╰── #partial ──╯
 *
 * A packet that lies within one chunk is handed out as it lies there. One that does not is
 * put together in a buffer of its own (#partial), so each byte is copied once at most,
 * whatever the sizes of the chunks, and a chunk is let go as soon as it was read: a peer
 * that sends single bytes cannot make the decoder hold one object for each. That buffer is
 * never longer than the limit, and it is never written again after it was handed out.
 */

import { MilterCodecError, type MilterErrorCode } from './errors.ts';

const LENGTH_BYTES = 4;
const NOTHING: Buffer = Buffer.alloc(0);

/** Internal: {@link PacketDecoder} and its relatives are what others use. */
export class PacketFinder {
  /** After `find()` gave true: `buffer[start]` is the packet's code, its data ends at `end`. */
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** Bytes pushed that are not yet part of a packet that was found. */
  pendingBytes = 0;
  /** Where the packet that is being looked for starts in the stream. */
  packetOffset = 0;

  readonly #maxPacketBytes: number;
  #chunk: Buffer = NOTHING;
  #at = 0;
  #queue: Buffer[] = [];
  #queueAt = 0;
  #length = 0;
  #lengthBytes = 0;
  #partial: Buffer | undefined;
  #partialBytes = 0;

  constructor(maxPacketBytes: number) {
    this.#maxPacketBytes = maxPacketBytes;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const buffer = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#queue.push(buffer);
    this.pendingBytes += buffer.length;
  }

  /** Goes to the next packet; false if it is not complete yet. */
  find(): boolean {
    while (this.#at < this.#chunk.length || this.#takeChunk()) {
      if (this.#lengthBytes < LENGTH_BYTES) this.#readLength();
      else if (this.#partial === undefined ? this.#slice() : this.#fill(this.#partial)) return true;
    }
    return false;
  }

  /** Lets go of all memory; for after an error. */
  clear(): void {
    this.buffer = this.#chunk = NOTHING;
    this.start = this.end = this.#at = this.#queueAt = this.pendingBytes = 0;
    this.#queue = [];
    this.#partial = undefined;
  }

  #takeChunk(): boolean {
    this.#at = 0;
    if (this.#queueAt === this.#queue.length) {
      // An idle connection shall not keep the last chunk alive.
      this.#chunk = this.buffer = NOTHING;
      return false;
    }
    this.#chunk = this.#queue[this.#queueAt] ?? NOTHING;
    this.#queue[this.#queueAt++] = NOTHING;
    if (this.#queueAt === this.#queue.length) this.#queue.length = this.#queueAt = 0;
    return true;
  }

  #readLength(): void {
    if (this.#lengthBytes === 0 && this.#chunk.length - this.#at >= LENGTH_BYTES) {
      this.#length = this.#chunk.readUInt32BE(this.#at);
      this.#at += LENGTH_BYTES;
      this.#lengthBytes = LENGTH_BYTES;
    } else {
      // Not shifts: they would make lengths from 2 GiB on negative.
      this.#length = this.#length * 256 + (this.#chunk[this.#at++] ?? 0);
      this.#lengthBytes++;
    }
    if (this.#lengthBytes === LENGTH_BYTES) this.#checkLength();
  }

  /** Before anything of that length is allocated. */
  #checkLength(): void {
    if (this.#length === 0) {
      throw this.#error('ERR_MILTER_EMPTY_PACKET', 'a length of at least 1', '0');
    }
    if (this.#length > this.#maxPacketBytes) {
      const expected = `a length of at most ${this.#maxPacketBytes}`;
      throw this.#error('ERR_MILTER_PACKET_TOO_BIG', expected, String(this.#length));
    }
  }

  #slice(): boolean {
    if (this.#chunk.length - this.#at < this.#length) {
      this.#partial = Buffer.allocUnsafe(this.#length);
      this.#partialBytes = 0;
      return this.#fill(this.#partial);
    }
    const start = this.#at;
    this.#at += this.#length;
    return this.#found(this.#chunk, start);
  }

  #fill(partial: Buffer): boolean {
    const from = this.#at;
    const to = Math.min(this.#chunk.length, from + this.#length - this.#partialBytes);
    this.#partialBytes += this.#chunk.copy(partial, this.#partialBytes, from, to);
    this.#at = to;
    return this.#partialBytes === this.#length && this.#found(partial, 0);
  }

  #found(buffer: Buffer, start: number): boolean {
    this.buffer = buffer;
    this.start = start;
    this.end = start + this.#length;
    this.packetOffset += LENGTH_BYTES + this.#length;
    this.pendingBytes -= LENGTH_BYTES + this.#length;
    this.#length = this.#lengthBytes = 0;
    this.#partial = undefined;
    return true;
  }

  #error(code: MilterErrorCode, expected: string, got: string): MilterCodecError {
    const where = { packet: 'packet', field: 'length', offset: this.packetOffset };
    return new MilterCodecError(code, where, expected, got);
  }
}
