import fc from 'fast-check';
import { FrameError, FrameSplitter, FrameWriter } from '../../src/runner/frame-stream.ts';
import { FRAME, readEvent, readResult, writeEvent, writeResult } from '../../src/runner/frames.ts';

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));

/** The bytes, cut at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort(
    (a, b) => a - b,
  );
  return [...ends, bytes.length].map((end, index) =>
    Buffer.from(bytes.subarray(index === 0 ? 0 : ends[index - 1], end)),
  );
}

describe('frames', () => {
  test('come out as they went in, wherever the stream is cut', () => {
    const frame = fc.record({
      type: fc.nat(255),
      id: fc.nat(0xffff_ffff),
      text,
      bytes: fc.uint8Array({ maxLength: 3000 }),
    });
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.nat(100_000)), (frames, places) => {
        const writer = new FrameWriter();
        for (const { type, id, text, bytes } of frames)
          writer.begin(type, id).text(text).bytes(bytes).finish();
        const splitter = new FrameSplitter();
        const read = cut(writer.take(), places).flatMap((chunk) => splitter.push(chunk));
        expect(
          read.map((one) => ({
            type: one.type,
            id: one.id,
            text: one.text(),
            bytes: new Uint8Array(one.bytes()),
          })),
        ).toEqual(
          frames.map(({ text, ...rest }) => ({
            ...rest,
            text: text.isWellFormed() ? text : text.toWellFormed(),
          })),
        );
      }),
    );
  });

  test('that were taken are not overwritten by the next ones', () => {
    const writer = new FrameWriter();
    writer.begin(1, 1).text('first').finish();
    const first = writer.take();
    const before = Buffer.from(first);
    for (let count = 0; count < 5000; count += 1) writer.begin(2, 2).text('second').finish();
    writer.take();
    expect(first).toEqual(before);
  });

  test('of an impossible length are refused before anything is allocated', () => {
    expect(() => new FrameSplitter().push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(
      FrameError,
    );
    expect(() => new FrameSplitter().push(Buffer.from([0, 0, 0, 0]))).toThrow(FrameError);
  });

  test('that end too early are refused', () => {
    const [frame] = new FrameSplitter().push(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 1]));
    expect(() => frame?.u32()).toThrow(FrameError);
  });
});

describe('an event', () => {
  test('crosses with its facts, what came before it, and the chunks of a body', () => {
    const writer = new FrameWriter();
    const order = {
      event: 7,
      session: 3,
      generation: 2,
      filters: [0, 4],
      facts: [{ group: 'message', generation: 2, fact: 'H{}\nSubject\0 gr\xfc\xdfe\0' } as const],
      earlier: ['{"f":"modified","modifications":[]}'],
      call: '{"phase":"body","lengths":[2,1],"text":"日本"}',
    };
    writeEvent(writer, order, [Buffer.from([1, 2]), Buffer.from([3])]);
    const [frame] = new FrameSplitter().push(writer.take());
    expect(frame?.type).toBe(FRAME.event);
    expect(readEvent(frame!)).toEqual({ ...order, buffer: Buffer.from([1, 2, 3]) });
  });

  test('gets answers as JSON, as bytes, or as an error', () => {
    const writer = new FrameWriter();
    writeResult(writer, 1, { ok: true, json: '{"a":1}' });
    writeResult(writer, 2, { ok: true, bytes: Buffer.from([0, 255]) });
    writeResult(writer, 3, { ok: false, json: '{"code":"ERR_X","message":"no"}' });
    expect(new FrameSplitter().push(writer.take()).map(readResult)).toEqual([
      { ok: true, json: '{"a":1}', bytes: undefined },
      { ok: true, json: '', bytes: Buffer.from([0, 255]) },
      { ok: false, json: '{"code":"ERR_X","message":"no"}', bytes: undefined },
    ]);
  });
});
