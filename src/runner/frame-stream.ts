/**
 * Frames on the socket between a worker and its runner:
 *
 *   u32 length of the rest | u8 type | u32 id | payload
 *
 * Both ends gather what a tick produces and write it at once: a frame costs a copy, a
 * write costs a wake-up of the other process.
 */

const HEADER_BYTES = 9;
const INITIAL_BYTES = 16 * 1024;
/** A batch that outgrew this gives its memory back. */
const KEPT_BYTES = 1024 * 1024;

/** Larger frames mean that the other end is broken. */
export const MAX_FRAME_BYTES = 512 * 1024 * 1024;

/** The other end of the socket does not speak frames. */
export class FrameError extends Error {
  readonly code = 'ERR_FRAME';
  constructor(message: string) {
    super(message);
    this.name = 'FrameError';
  }
}

/** Gathers frames into one buffer. */
export class FrameWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #end = 0;
  #start = 0;

  get isEmpty(): boolean {
    return this.#end === 0;
  }

  begin(type: number, id: number): this {
    this.#reserve(HEADER_BYTES);
    this.#start = this.#end;
    this.#buffer[this.#start + 4] = type;
    this.#buffer.writeUInt32BE(id, this.#start + 5);
    this.#end += HEADER_BYTES;
    return this;
  }

  /** Ends the frame that `begin` began. */
  finish(): void {
    this.#buffer.writeUInt32BE(this.#end - this.#start - 4, this.#start);
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#end++] = value;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#end = this.#buffer.writeUInt32BE(value, this.#end);
    return this;
  }

  /** Latin1 where UTF-8 would be the same bytes or more: wire bytes cross as they are. */
  text(value: string): this {
    const isWide = /[^\0-\xff]/.test(value);
    const encoding = isWide ? 'utf8' : 'latin1';
    const length = isWide ? Buffer.byteLength(value) : value.length;
    this.u8(isWide ? 1 : 0).u32(length);
    this.#reserve(length);
    this.#buffer.write(value, this.#end, length, encoding);
    this.#end += length;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.u32(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#end);
    this.#end += value.length;
    return this;
  }

  /** Everything gathered, to be written at once; the writer begins anew. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#end);
    // The socket may hold on to what it was given, so the rest of the buffer goes on, not its beginning.
    const rest = this.#buffer.subarray(this.#end);
    this.#buffer =
      rest.length >= 1024 && this.#buffer.length <= KEPT_BYTES
        ? rest
        : Buffer.allocUnsafe(INITIAL_BYTES);
    this.#end = 0;
    return taken;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(
      Math.max(this.#buffer.length * 2, this.#end + bytes, INITIAL_BYTES),
    );
    larger.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = larger;
  }
}

/** Reads the fields of one frame, in the order in which they were written. */
export class FrameReader {
  readonly type: number;
  readonly id: number;
  readonly #bytes: Buffer;
  #at = 5;

  /** `bytes`: a frame without its length. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.type = bytes[0]!;
    this.id = bytes.readUInt32BE(1);
  }

  u8(): number {
    this.#need(1);
    return this.#bytes[this.#at++]!;
  }

  u32(): number {
    this.#need(4);
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  text(): string {
    const encoding = this.u8() === 1 ? 'utf8' : 'latin1';
    const length = this.u32();
    this.#need(length);
    this.#at += length;
    return this.#bytes.toString(encoding, this.#at - length, this.#at);
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const length = this.u32();
    this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #need(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) {
      throw new FrameError(
        `frame of type ${this.type}: expected ${bytes} more bytes, ${this.#bytes.length - this.#at} are left`,
      );
    }
  }
}

/** Cuts a stream of chunks into frames. */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #length = 0;

  /** The frames that this chunk completes. */
  push(chunk: Buffer): FrameReader[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#wanted()) return [];
    let rest = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const frames: FrameReader[] = [];
    while (rest.length >= 4) {
      const length = checkedLength(rest.readUInt32BE(0));
      if (rest.length < 4 + length) break;
      frames.push(new FrameReader(rest.subarray(4, 4 + length)));
      rest = rest.subarray(4 + length);
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    return frames;
  }

  /** Bytes that the frame at the beginning needs, so that a large one is put together once. */
  #wanted(): number {
    const first = this.#chunks[0]!;
    if (first.length >= 4) return 4 + checkedLength(first.readUInt32BE(0));
    if (this.#length < 4) return 4;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return 4 + checkedLength(joined.readUInt32BE(0));
  }
}

function checkedLength(length: number): number {
  if (length < 5 || length > MAX_FRAME_BYTES) {
    throw new FrameError(`frame length: expected 5 to ${MAX_FRAME_BYTES}, got ${length}`);
  }
  return length;
}
