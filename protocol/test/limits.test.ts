import {
  CommandDecoder,
  DEFAULT_MAX_PACKET_BYTES,
  encodeCommand,
  encodeReplies,
  encodeReply,
  MILTER_CHUNK_SIZE,
  MILTER_MDS_1M,
  MilterCodecError,
  PacketDecoder,
} from '../src/index.ts';
import { measured } from './measured.ts';
import { bytes } from './wire.ts';

describe('the length of a packet', () => {
  const oversized = ['ffffffff', '80000000', '00110001', '7fffffff'];

  test.each(oversized)('of 0x%s is refused before anything is allocated', (length) => {
    for (const cut of [1, 2, 3, 4, 5]) {
      const decoder = new PacketDecoder();
      const stream = bytes(`${length} "B"`);
      const { allocated } = measured(() => {
        expect(() => {
          decoder.push(stream.subarray(0, cut));
          decoder.next();
          decoder.push(stream.subarray(cut));
          decoder.next();
        }).toThrow(expect.objectContaining({ code: 'ERR_MILTER_PACKET_TOO_BIG' }));
      });
      expect(allocated).toBe(0);
    }
  });

  test('may be just the limit', () => {
    const decoder = new PacketDecoder({ maxPacketBytes: 3 });
    decoder.push(bytes('00000003 "Bhi" 00000004 "Bhi!"'));
    expect(decoder.next()?.data.toString()).toBe('hi');
    expect(() => decoder.next()).toThrow(
      'packet length, byte 7: expected a length of at most 3, got 4',
    );
  });

  test('has a default limit that holds the largest body chunk and the longest header', () => {
    expect(DEFAULT_MAX_PACKET_BYTES).toBe(0x110000);
    const decoder = new PacketDecoder();
    decoder.push(bytes('00110000 "B"'));
    expect(decoder.next()).toBeUndefined();
  });

  test('of 0 is malformed', () => {
    const decoder = new PacketDecoder();
    decoder.push(bytes('00000000 00000001 "Q"'));
    expect(() => decoder.next()).toThrow(
      expect.objectContaining({
        code: 'ERR_MILTER_EMPTY_PACKET',
        where: { packet: 'packet', field: 'length', offset: 0 },
      }),
    );
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'cannot be limited to %p',
    (maxPacketBytes) => {
      expect(() => new CommandDecoder({ maxPacketBytes })).toThrow(RangeError);
    },
  );
});

describe('body chunks', () => {
  test('may be as long as was negotiated and no longer', () => {
    const options = { maxChunkBytes: MILTER_MDS_1M };
    const most = Buffer.alloc(MILTER_MDS_1M);
    const more = Buffer.alloc(MILTER_MDS_1M + 1);
    expect(encodeReply({ kind: 'replbody', chunk: most }, options)).toHaveLength(1_048_580);
    expect(encodeCommand({ kind: 'body', chunk: most }, options)).toHaveLength(1_048_580);
    expect(() => encodeReply({ kind: 'replbody', chunk: more }, options)).toThrow(MilterCodecError);
    expect(() => encodeCommand({ kind: 'body', chunk: more }, options)).toThrow(MilterCodecError);
    const two = [{ kind: 'replbody', chunk: most }, { kind: 'continue' }] as const;
    expect(encodeReplies(two, options)).toHaveLength(1_048_585);
    expect(() => encodeReplies(two)).toThrow(MilterCodecError);
  });

  test('may be 65535 bytes long by default', () => {
    const chunk = Buffer.alloc(MILTER_CHUNK_SIZE);
    expect(encodeReply({ kind: 'replbody', chunk })).toHaveLength(65_540);
  });
});
