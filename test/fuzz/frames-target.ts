/** Whatever stands on the socket between worker and runner, it is frames or a FrameError. */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FACT_GROUPS } from '../../src/runner/fact-log.ts';
import {
  FrameError,
  type FrameReader,
  FrameSplitter,
  FrameWriter,
} from '../../src/runner/frame-stream.ts';
import {
  FRAME,
  readEvent,
  readResult,
  writeBare,
  writeBegun,
  writeEvent,
  writeJson,
  writeResult,
} from '../../src/runner/frames.ts';
import { anyBytes, mutated, piecesOf, type Stream, streams, wholeOf } from './bytes.ts';
import { fuzzTarget } from './target.ts';

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const type = fc.oneof(fc.constantFrom(...Object.values(FRAME)), fc.nat(255));
const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }));

type Write = (writer: FrameWriter) => void;

const event: fc.Arbitrary<Write> = fc
  .record({
    event: uint32,
    session: uint32,
    generation: uint32,
    filters: fc.array(fc.nat(255), { maxLength: 4 }),
    facts: fc.array(
      fc.record({ group: fc.constantFrom(...FACT_GROUPS), generation: uint32, fact: text }),
      { maxLength: 4 },
    ),
    earlier: fc.array(text, { maxLength: 3 }),
    call: text,
  })
  .map((order) => (writer) => writeEvent(writer, order, [Buffer.from('chunk')]));

/** A length and a type that are right, and any payload. */
const loose: fc.Arbitrary<Write> = fc
  .tuple(type, uint32, fc.uint8Array({ maxLength: 40 }))
  .map(([type, id, payload]) => (writer) => {
    writer.begin(type, id);
    for (const byte of payload) writer.u8(byte);
    writer.finish();
  });

const frames: fc.Arbitrary<Write> = fc.oneof(
  event,
  loose,
  fc.tuple(type, uint32).map(
    ([type, id]): Write =>
      (writer) =>
        writeBare(writer, type, id),
  ),
  fc.tuple(uint32, fc.nat(255)).map(
    ([id, at]): Write =>
      (writer) =>
        writeBegun(writer, id, at),
  ),
  fc.tuple(type, uint32, fc.json()).map(
    ([type, id, json]): Write =>
      (writer) =>
        writeJson(writer, type, id, JSON.parse(json)),
  ),
  fc.tuple(uint32, fc.uint8Array({ maxLength: 20 })).map(
    ([id, bytes]): Write =>
      (writer) =>
        writeResult(writer, id, { ok: true, bytes }),
  ),
  fc.tuple(uint32, text).map(
    ([id, value]): Write =>
      (writer) =>
        writeResult(writer, id, { ok: true, json: JSON.stringify(value) }),
  ),
);

const written = fc.array(frames, { minLength: 1, maxLength: 4 }).map((writes) => {
  const writer = new FrameWriter();
  for (const write of writes) write(writer);
  return Buffer.from(writer.take());
});

export const framesTarget = fuzzTarget(
  'frames',
  streams(fc.oneof(anyBytes, written, mutated(written))),
  (stream: Stream) => {
    for (const read of READERS) {
      const whole = readAll(wholeOf(stream), read);
      const pieces = readAll(piecesOf(stream), read);
      assert.equal(pieces.isBroken, whole.isBroken);
      // A broken frame takes those with it that came in the same piece.
      if (!whole.isBroken) assert.deepEqual(pieces.frames, whole.frames);
    }
  },
);

/** Each way to read a frame; what it gives is what its type says. */
const READERS: readonly ((frame: FrameReader) => unknown)[] = [
  (frame) => {
    const order = readEvent(frame);
    for (const { group, fact } of order.facts) {
      assert.ok(FACT_GROUPS.includes(group), `a fact of the group ${group}`);
      assert.equal(typeof fact, 'string');
    }
    return order;
  },
  (frame) => {
    const result = readResult(frame);
    assert.equal(typeof result.json, 'string');
    return result;
  },
  (frame) => ({ type: frame.type, id: frame.id, text: frame.text() }),
  (frame) => [frame.u8(), frame.u32(), frame.bytes(), frame.text(), frame.u8()],
];

function readAll(pieces: readonly Buffer[], read: (frame: FrameReader) => unknown) {
  const splitter = new FrameSplitter();
  const frames: unknown[] = [];
  try {
    for (const piece of pieces) {
      for (const frame of splitter.push(piece)) frames.push(orFrameError(() => read(frame)));
    }
    return { frames, isBroken: false };
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    // It may be asked again by whoever did not hear the error.
    orFrameError(() => splitter.push(Buffer.of(0, 0, 0, 0)));
    return { frames, isBroken: true };
  }
}

function orFrameError(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (error instanceof FrameError) return 'FrameError';
    throw error;
  }
}
