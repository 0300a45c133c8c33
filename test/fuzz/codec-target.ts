/** Whatever a peer sends, the codec gives packets that can be sent again, or its one error. */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type Command,
  CommandDecoder,
  encodeCommand,
  encodeReply,
  MilterCodecError,
  type MilterErrorCode,
  type Reply,
  ReplyDecoder,
} from 'net-milter-codec';
import { alphabetBytes, command, looseFrames, reply } from '../../protocol/test/arbitraries.ts';
import { type TwinResult, twinCommands, twinReplies } from '../../protocol/test/twin.ts';
import { anyBytes, mutated, piecesOf, type Stream, streams, wholeOf } from './bytes.ts';
import { fuzzTarget } from './target.ts';

interface Input extends Stream {
  readonly side: 'command' | 'reply';
  readonly maxPacketBytes: number;
}

interface Decoder<T> {
  push(chunk: Uint8Array): void;
  next(): T | undefined;
}

const commandBytes = fc
  .array(command, { maxLength: 6 })
  .map((commands) => Buffer.concat(commands.map((each) => encodeCommand(each))));
const replyBytes = fc
  .array(reply, { maxLength: 6 })
  .map((replies) => Buffer.concat(replies.map((each) => encodeReply(each))));

const inputs: fc.Arbitrary<Input> = fc
  .tuple(
    fc.constantFrom('command', 'reply'),
    fc.constantFrom(64, 2_000, 1_114_112),
    streams(
      fc.oneof(anyBytes, alphabetBytes, looseFrames, mutated(commandBytes), mutated(replyBytes)),
    ),
  )
  .map(([side, maxPacketBytes, stream]) => ({ side, maxPacketBytes, ...stream }));

export const codecTarget = fuzzTarget('codec', inputs, (input) => {
  if (input.side === 'command') checkCommands(input);
  else checkReplies(input);
});

function checkCommands(input: Input): void {
  const decoder = () => new CommandDecoder(input);
  const { packets } = drainedTwice(decoder, input, twinCommands);
  for (const packet of packets) {
    const again = encodeCommand(packet, { maxChunkBytes: input.maxPacketBytes });
    assert.deepEqual(drain(new CommandDecoder(), [again]), { packets: [packet] });
  }
}

function checkReplies(input: Input): void {
  const decoder = () => new ReplyDecoder(input);
  const { packets } = drainedTwice(decoder, input, twinReplies);
  for (const packet of packets) {
    const again = encodedReply(packet, input.maxPacketBytes);
    if (!again) continue;
    assert.deepEqual(drain(new ReplyDecoder(), [again]), { packets: [withoutEmptyArgs(packet)] });
  }
}

/** The two things that a packet can hold and that nobody should send to an MTA. */
const NOT_TO_SEND: readonly MilterErrorCode[] = ['ERR_MILTER_EMPTY_STRING', 'ERR_MILTER_REPLYCODE'];

function encodedReply(packet: Reply, maxChunkBytes: number): Buffer | undefined {
  try {
    return encodeReply(packet, { maxChunkBytes });
  } catch (error) {
    if (error instanceof MilterCodecError && NOT_TO_SEND.includes(error.code)) return undefined;
    throw error;
  }
}

/** Sendmail takes empty arguments for an order to drop those that there are: never sent. */
function withoutEmptyArgs(packet: Reply): Reply {
  if (!('args' in packet) || packet.args !== '') return packet;
  const { args: _, ...rest } = packet;
  return rest;
}

interface Drained<T> {
  readonly packets: readonly T[];
  readonly error?: string;
}

/** The same wherever the stream is cut, and the same as its slow twin makes of it. */
function drainedTwice<T extends Command | Reply>(
  decoder: () => Decoder<T>,
  input: Input,
  twin: (stream: Uint8Array, maxPacketBytes: number) => TwinResult<T>,
): Drained<T> {
  const whole = drain(decoder(), wholeOf(input));
  assert.deepEqual(drain(decoder(), piecesOf(input)), whole);
  assert.deepEqual(whole, twin(Buffer.from(input.hex, 'hex'), input.maxPacketBytes));
  return whole;
}

function drain<T>(decoder: Decoder<T>, pieces: readonly Uint8Array[]): Drained<T> {
  const packets: T[] = [];
  try {
    for (const piece of pieces) {
      decoder.push(piece);
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
        packets.push(packet);
      }
    }
  } catch (error) {
    if (!(error instanceof MilterCodecError)) throw error;
    // From here on the decoder says nothing else.
    assert.throws(() => decoder.next(), error);
    assert.throws(() => decoder.push(Buffer.of(0)), error);
    return { packets, error: error.code };
  }
  return { packets };
}
