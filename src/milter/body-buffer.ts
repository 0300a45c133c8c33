/** The body of one message in memory, as far as filters want it. */

import type { BodyNeed } from './needs.ts';

const NOTHING = Buffer.alloc(0);

export class BodyBuffer {
  readonly #mostBytes: number;
  #chunks: Buffer[] = [];
  #keptBytes = 0;

  constructor(need: BodyNeed) {
    this.#mostBytes =
      need.kind === 'all' ? Number.POSITIVE_INFINITY : need.kind === 'first' ? need.bytes : 0;
  }

  /** Whether more would not be kept. */
  get full(): boolean {
    return this.#keptBytes >= this.#mostBytes;
  }

  /** Keeps what is wanted of a chunk and gives it back. */
  add(chunk: Buffer): Buffer {
    const room = this.#mostBytes - this.#keptBytes;
    const wanted = chunk.length <= room ? chunk : chunk.subarray(0, room);
    if (wanted.length === 0) return NOTHING;
    const kept = ownMemory(wanted);
    this.#chunks.push(kept);
    this.#keptBytes += kept.length;
    return kept;
  }

  /** All that was kept, in one piece. */
  bytes(): Buffer {
    // The pieces are not needed beside the whole.
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? NOTHING;
  }

  clear(): void {
    this.#chunks = [];
  }
}

/** Chunks are slices of what the socket gave: a small one would keep all of that alive. */
function ownMemory(chunk: Buffer): Buffer {
  return chunk.length * 2 < chunk.buffer.byteLength ? Buffer.from(chunk) : chunk;
}
