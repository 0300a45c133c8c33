import fc from 'fast-check';
import {
  CommandDecoder,
  encodeCommand,
  encodeReplies,
  encodeReply,
  MilterCodecError,
  PacketDecoder,
  parseReplycode,
  ReplyDecoder,
} from '../src/index.ts';
import { alphabetBytes, command, looseFrames, reply } from './arbitraries.ts';
import { twinCommands, twinReplies } from './twin.ts';

interface Decoder<T> {
  push(chunk: Uint8Array): void;
  next(): T | undefined;
}

/** Everything that a decoder gives for these chunks, up to its error. */
function drain<T>(decoder: Decoder<T>, chunks: Iterable<Uint8Array>) {
  const packets: T[] = [];
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
        packets.push(packet);
      }
    }
  } catch (error) {
    if (error instanceof MilterCodecError) return { packets, error: error.code };
    throw error;
  }
  return { packets };
}

/** The stream cut at these places, in any order and anywhere. */
function cut(stream: Buffer, places: readonly number[]): Buffer[] {
  const ends = places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b);
  return [...ends, stream.length].map((end, i) => stream.subarray(ends[i - 1] ?? 0, end));
}

const LIMIT = 200;
const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const places = fc.array(fc.nat(), { maxLength: 12 });
const hostile = fc.oneof(anyBytes, alphabetBytes, looseFrames);

describe('for all packets', () => {
  test('a command that was encoded decodes to itself', () => {
    fc.assert(
      fc.property(fc.array(command), places, (commands, at) => {
        const stream = Buffer.concat(commands.map((each) => encodeCommand(each)));
        const result = drain(new CommandDecoder(), cut(stream, at));
        expect(result).toStrictEqual({ packets: commands });
      }),
    );
  });

  test('a reply that was encoded decodes to itself', () => {
    fc.assert(
      fc.property(fc.array(reply), places, (replies, at) => {
        const stream = Buffer.concat(replies.map((each) => encodeReply(each)));
        expect(drain(new ReplyDecoder(), cut(stream, at))).toStrictEqual({ packets: replies });
      }),
    );
  });

  test('replies encoded together are the same bytes as one by one', () => {
    fc.assert(
      fc.property(fc.array(reply), (replies) => {
        const oneByOne = Buffer.concat(replies.map((each) => encodeReply(each)));
        expect(encodeReplies(replies)).toEqual(oneByOne);
      }),
    );
  });

  test('a stream decodes the same wherever it is cut in two', () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 3 }), (commands) => {
        const stream = Buffer.concat(commands.map((each) => encodeCommand(each)));
        for (let at = 0; at <= stream.length; at++) {
          const result = drain(new CommandDecoder(), [stream.subarray(0, at), stream.subarray(at)]);
          expect(result).toStrictEqual({ packets: commands });
        }
      }),
      { numRuns: 30 },
    );
  });

  test('a stream decodes the same byte by byte', () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 5 }), (replies) => {
        const stream = encodeReplies(replies);
        const single = Array.from(stream, (_, at) => stream.subarray(at, at + 1));
        expect(drain(new ReplyDecoder(), single)).toStrictEqual({ packets: replies });
      }),
    );
  });
});

describe('whatever a peer sends', () => {
  test('commands are read as the slow decoder reads them, or refused for the same reason', () => {
    fc.assert(
      fc.property(hostile, places, (stream, at) => {
        const decoder = new CommandDecoder({ maxPacketBytes: LIMIT });
        expect(drain(decoder, cut(stream, at))).toStrictEqual(twinCommands(stream, LIMIT));
      }),
      { numRuns: 2000 },
    );
  });

  test('replies are read as the slow decoder reads them, or refused for the same reason', () => {
    fc.assert(
      fc.property(hostile, places, (stream, at) => {
        const decoder = new ReplyDecoder({ maxPacketBytes: LIMIT });
        expect(drain(decoder, cut(stream, at))).toStrictEqual(twinReplies(stream, LIMIT));
      }),
      { numRuns: 2000 },
    );
  });

  test('frames never fail but for their length', () => {
    fc.assert(
      fc.property(hostile, places, (stream, at) => {
        const { error } = drain(new PacketDecoder({ maxPacketBytes: LIMIT }), cut(stream, at));
        const allowed = [undefined, 'ERR_MILTER_EMPTY_PACKET', 'ERR_MILTER_PACKET_TOO_BIG'];
        expect(allowed).toContain(error);
      }),
    );
  });

  test('the text of a reply is parsed or refused with the one error', () => {
    const pieces = fc.constantFrom('550', '450', '-', ' ', '5.7.1', '%', '\r', '\n', 'x', '\u00e9');
    const text = fc.array(pieces, { maxLength: 14 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (candidate) => {
        try {
          parseReplycode(candidate);
        } catch (error) {
          expect(error).toBeInstanceOf(MilterCodecError);
        }
      }),
    );
  });
});
