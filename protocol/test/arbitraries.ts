/** Any packet that the wire can hold. */

import fc from 'fast-check';
import type { Command, Family, Reply, SimpleReply } from '../src/index.ts';

// Plain objects, which toStrictEqual tells apart from ones without a prototype.
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true });

const byte = fc.integer({ min: 1, max: 255 });
const wireString = fc.array(byte, { maxLength: 40 }).map((codes) => String.fromCharCode(...codes));
const filled = fc
  .array(byte, { minLength: 1, maxLength: 40 })
  .map((codes) => String.fromCharCode(...codes));
const uint32 = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constant(0xffff_ffff));
const port = fc.integer({ min: 0, max: 0xffff });
const chunk = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));
const filledChunk = fc.uint8Array({ minLength: 1, maxLength: 80 }).map((b) => Buffer.from(b));
const macroName = fc
  .array(fc.constantFrom(...'abij{}_0\u00ff'), { minLength: 1, maxLength: 12 })
  .map((characters) => characters.join(''));
const always = <const T>(value: T) => fc.constant(value);

const envelope = { address: wireString, args: fc.array(wireString, { maxLength: 4 }) };

export const command: fc.Arbitrary<Command> = fc.oneof(
  record({ kind: always('optneg'), version: uint32, actions: uint32, protocol: uint32 }),
  record({
    kind: always('macro'),
    command: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    values: fc.array(fc.tuple(wireString, wireString), { maxLength: 5 }),
  }),
  record({
    kind: always('connect'),
    hostname: wireString,
    family: fc.constantFrom<Family>('inet', 'inet6', 'unix'),
    port,
    address: wireString,
  }),
  record({
    kind: always('connect'),
    hostname: wireString,
    family: always('unknown'),
    port: always(0),
    address: always(''),
  }),
  record({ kind: always('helo'), name: wireString }),
  record({ kind: always('mail'), ...envelope }),
  record({ kind: always('rcpt'), ...envelope }),
  record({ kind: always('header'), name: wireString, value: wireString }),
  record({ kind: always('body'), chunk }),
  record({ kind: always('bodyeob'), chunk: filledChunk }),
  record({ kind: always('unknown'), command: wireString }),
  ...(['data', 'eoh', 'bodyeob', 'abort', 'quit', 'quitNc'] as const).map((kind) =>
    always({ kind }),
  ),
);

const SIMPLE: readonly SimpleReply['kind'][] = [
  'continue',
  'accept',
  'reject',
  'tempfail',
  'discard',
  'skip',
  'progress',
  'shutdown',
  'connfail',
];

const header = { name: filled, value: wireString };
const agreement = { kind: always('optneg'), version: uint32, actions: uint32, protocol: uint32 };

export const reply: fc.Arbitrary<Reply> = fc.oneof(
  fc.constantFrom(...SIMPLE).map((kind): Reply => ({ kind })),
  fc
    .tuple(fc.integer({ min: 400, max: 599 }), fc.constantFrom(' ', '-'), wireString)
    .map(([code, mark, text]): Reply => ({ kind: 'replycode', text: `${code}${mark}${text}` })),
  record({ kind: always('addheader'), ...header }),
  record({ kind: always('insheader'), index: uint32, ...header }),
  record({ kind: always('chgheader'), index: uint32, ...header }),
  record({ kind: always('replbody'), chunk }),
  record({ kind: always('addrcpt'), address: filled }),
  record({ kind: always('addrcptPar'), address: filled }),
  record({ kind: always('addrcptPar'), address: filled, args: filled }),
  record({ kind: always('delrcpt'), address: filled }),
  record({ kind: always('chgfrom'), address: filled }),
  record({ kind: always('chgfrom'), address: filled, args: filled }),
  record({ kind: always('quarantine'), reason: filled }),
  record(agreement),
  record({
    ...agreement,
    macros: fc.array(record({ stage: uint32, names: fc.array(macroName, { maxLength: 4 }) }), {
      minLength: 1,
      maxLength: 7,
    }),
  }),
);

/** Bytes that look like packets: mostly short lengths, real codes, strings and NULs. */
export const alphabetBytes: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...'ODCHMRTLNBEAUQKcartdyspihmb+-2eqf4l') },
      { weight: 2, arbitrary: fc.constantFrom('\0', '\0\0', 'a\0', '<a@b>\0', '4', '6', 'L') },
      {
        weight: 3,
        arbitrary: fc.integer({ min: 0, max: 14 }).map((n) => `\0\0\0${String.fromCharCode(n)}`),
      },
    ),
    { maxLength: 60 },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

/** Whole packets with a real code and data that may make no sense. */
export const looseFrames: fc.Arbitrary<Buffer> = fc
  .array(
    fc.tuple(
      fc.constantFrom(...'ODCHMRTLNBEAUQKcartdyspihmb+-2eqf4l'),
      fc
        .array(fc.constantFrom('\0', '\0', '\u0001', 'a', '4', '6', 'L', 'U', ' ', '\u00ff'), {
          maxLength: 18,
        })
        .map((characters) => characters.join('')),
    ),
    { maxLength: 8 },
  )
  .map((frames) =>
    Buffer.concat(
      frames.map(([code, data]) => {
        const frame = Buffer.from(`\0\0\0\0${code}${data}`, 'latin1');
        frame.writeUInt32BE(frame.length - 4);
        return frame;
      }),
    ),
  );
