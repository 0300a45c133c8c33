/** Hostile bytes for decoders of streams, written down in hex. */

import fc from 'fast-check';

/** A stream and where it is cut. */
export interface Stream {
  readonly hex: string;
  readonly cuts: readonly number[];
}

/** The stream in pieces, some of them perhaps empty. */
export function piecesOf({ hex, cuts }: Stream): Buffer[] {
  const bytes = Buffer.from(hex, 'hex');
  const ends = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  // Copies: whoever reads beyond a piece shall not find the next one there.
  return [...ends, bytes.length].map((end, at) =>
    Buffer.from(bytes.subarray(at === 0 ? 0 : ends[at - 1], end)),
  );
}

/** The same in one piece. */
export function wholeOf({ hex }: Stream): Buffer[] {
  return [Buffer.from(hex, 'hex')];
}

/** Streams of these bytes, cut anywhere. */
export function streams(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Stream> {
  return fc.record({
    hex: bytes.map((buffer) => buffer.toString('hex')),
    cuts: fc.array(fc.nat(2_000), { maxLength: 12 }),
  });
}

export const anyBytes: fc.Arbitrary<Buffer> = fc
  .uint8Array({ maxLength: 300 })
  .map((bytes) => Buffer.from(bytes));

/** Something that goes wrong with bytes on their way. */
interface Mutation {
  readonly kind: 'set' | 'flip' | 'insert' | 'delete' | 'repeat' | 'truncate' | 'length';
  readonly at: number;
  readonly value: number;
  readonly count: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('set', 'flip', 'insert', 'delete', 'repeat', 'truncate', 'length'),
  at: fc.nat(1_000),
  value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
  count: fc.integer({ min: 1, max: 20 }),
});

/** Valid bytes with something wrong in a few places. */
export function mutated(valid: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(valid, fc.array(mutation, { minLength: 1, maxLength: 4 }))
    .map(([bytes, mutations]) => mutations.reduce(mutate, bytes));
}

function mutate(bytes: Buffer, { kind, at, value, count }: Mutation): Buffer {
  const place = at % (bytes.length + 1);
  const before = bytes.subarray(0, place);
  const after = bytes.subarray(place);
  switch (kind) {
    case 'set':
      return Buffer.concat([before, Buffer.of(value), after.subarray(1)]);
    case 'flip':
      return Buffer.concat([
        before,
        Buffer.of((after[0] ?? 0) ^ (1 << (count % 8))),
        after.subarray(1),
      ]);
    case 'insert':
      return Buffer.concat([before, Buffer.alloc(count, value), after]);
    case 'delete':
      return Buffer.concat([before, after.subarray(count)]);
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, count), after]);
    case 'truncate':
      return before;
    case 'length':
      // The first length, which most often decides what the rest means.
      return Buffer.concat([Buffer.of(0, 0, count % 3, value), bytes.subarray(4)]);
    default:
      return kind satisfies never;
  }
}
