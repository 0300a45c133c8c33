import {
  CommandDecoder,
  decodeCommand,
  decodeReply,
  encodeCommand,
  encodeReplies,
  encodeReply,
  PacketDecoder,
  ReplyDecoder,
} from '../src/index.ts';
import { ALL_COMMANDS } from './command-vectors.ts';
import { ALL_REPLIES } from './reply-vectors.ts';
import { bytes } from './wire.ts';

const kind = ({ kind }: { kind: string }) => kind;
const COMMAND_CASES = ALL_COMMANDS.map(([title, wire, packet]) => ({ title, wire, packet }));
const REPLY_CASES = ALL_REPLIES.map(([title, wire, packet]) => ({ title, wire, packet }));

describe('a command on the wire', () => {
  test.each(COMMAND_CASES)('is written as by hand: $packet.kind, $title', ({ wire, packet }) => {
    expect(encodeCommand(packet)).toEqual(bytes(wire));
  });

  test.each(COMMAND_CASES)('is read from its bytes: $packet.kind, $title', ({ wire, packet }) => {
    const decoder = new CommandDecoder();
    decoder.push(bytes(wire));
    expect(decoder.next()).toStrictEqual(packet);
    expect(decoder.next()).toBeUndefined();
  });

  test('is read the same from a frame', () => {
    const decoder = new PacketDecoder();
    decoder.push(Buffer.concat(COMMAND_CASES.map(({ wire }) => bytes(wire))));
    expect([...decoder].map(decodeCommand)).toStrictEqual(COMMAND_CASES.map((c) => c.packet));
  });

  test('is found among many in one chunk, in order', () => {
    const decoder = new CommandDecoder();
    decoder.push(Buffer.concat(COMMAND_CASES.map(({ wire }) => bytes(wire))));
    expect([...decoder].map(kind)).toEqual(COMMAND_CASES.map(({ packet }) => packet.kind));
  });
});

describe('a reply on the wire', () => {
  test.each(REPLY_CASES)('is written as by hand: $packet.kind, $title', ({ wire, packet }) => {
    expect(encodeReply(packet)).toEqual(bytes(wire));
  });

  test.each(REPLY_CASES)('is read from its bytes: $packet.kind, $title', ({ wire, packet }) => {
    const decoder = new ReplyDecoder();
    decoder.push(bytes(wire));
    expect(decoder.next()).toStrictEqual(packet);
    expect(decoder.next()).toBeUndefined();
  });

  test('is read the same from a frame', () => {
    const decoder = new PacketDecoder();
    decoder.push(Buffer.concat(REPLY_CASES.map(({ wire }) => bytes(wire))));
    expect([...decoder].map(decodeReply)).toStrictEqual(REPLY_CASES.map((c) => c.packet));
  });

  test('is written together with others as one buffer', () => {
    expect(encodeReplies(REPLY_CASES.map(({ packet }) => packet))).toEqual(
      Buffer.concat(REPLY_CASES.map(({ wire }) => bytes(wire))),
    );
  });

  test('is written alone by encodeReplies too, and no replies are no bytes', () => {
    expect(encodeReplies([{ kind: 'reject' }])).toEqual(bytes('00000001 "r"'));
    expect(encodeReplies([])).toHaveLength(0);
  });

  test('without data is the same buffer and the same object each time', () => {
    expect(encodeReply({ kind: 'continue' })).toBe(encodeReply({ kind: 'continue' }));
    const decoder = new ReplyDecoder();
    decoder.push(bytes('00000001 "c" 00000001 "c"'));
    expect(decoder.next()).toBe(decoder.next());
  });

  test('leaves out arguments that are empty', () => {
    expect(encodeReply({ kind: 'chgfrom', address: '<>', args: '' })).toEqual(
      bytes('00000004 "e" "<>" 00'),
    );
    expect(encodeReply({ kind: 'addrcptPar', address: 'a', args: '' })).toEqual(
      bytes('00000003 "2" "a" 00'),
    );
  });

  test('shows arguments that are there and empty', () => {
    const decoder = new ReplyDecoder();
    decoder.push(bytes('00000005 "e" "<>" 00 00'));
    expect(decoder.next()).toStrictEqual({ kind: 'chgfrom', address: '<>', args: '' });
  });
});
