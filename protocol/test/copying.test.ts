import { CommandDecoder, encodeCommand, PacketDecoder } from '../src/index.ts';
import { measured } from './measured.ts';
import { bytes } from './wire.ts';

describe('the work of decoding', () => {
  const chunk = Buffer.alloc(1_048_575, 'x');
  const big = encodeCommand({ kind: 'body', chunk }, { maxChunkBytes: chunk.length });

  test('is one copy of each byte, also when a packet of 1 MiB comes byte by byte', () => {
    const single = Array.from(big, (_, at) => big.subarray(at, at + 1));
    const decoder = new PacketDecoder();
    let length = 0;
    const { copied, allocated } = measured(() => {
      for (const each of single) {
        decoder.push(each);
        length = decoder.next()?.data.length ?? length;
      }
    });
    expect(length).toBe(chunk.length);
    expect(copied).toBeLessThanOrEqual(big.length);
    expect(allocated).toBeLessThanOrEqual(big.length);
  });

  test('is the same when all the chunks wait before the first packet is asked for', () => {
    const single = Array.from(big, (_, at) => big.subarray(at, at + 1));
    const decoder = new PacketDecoder();
    const { copied, allocated } = measured(() => {
      for (const each of single) decoder.push(each);
      expect(decoder.next()?.data.length).toBe(chunk.length);
    });
    expect(copied).toBeLessThanOrEqual(big.length);
    expect(allocated).toBeLessThanOrEqual(big.length);
  });

  test('copies nothing of a packet that lies within one chunk', () => {
    const three = Buffer.concat([big, big, big]);
    const decoder = new CommandDecoder();
    const kinds: (string | undefined)[] = [];
    const { copied, allocated } = measured(() => {
      decoder.push(three);
      for (let i = 0; i < 3; i++) kinds.push(decoder.next()?.kind);
    });
    expect(kinds).toEqual(['body', 'body', 'body']);
    expect({ copied, allocated }).toEqual({ copied: 0, allocated: 0 });
  });

  test('copies nothing when only the length came in an earlier chunk', () => {
    const decoder = new CommandDecoder();
    const { copied } = measured(() => {
      decoder.push(big.subarray(0, 2));
      expect(decoder.next()).toBeUndefined();
      decoder.push(big.subarray(2, 4));
      expect(decoder.next()).toBeUndefined();
      decoder.push(big.subarray(4));
      expect(decoder.next()?.kind).toBe('body');
    });
    expect(copied).toBe(0);
  });

  test('gives slices of the memory that was pushed', () => {
    const decoder = new CommandDecoder();
    const memory = bytes('00000003 "Bhi"');
    decoder.push(memory);
    const command = decoder.next();
    memory[5] = 0x48; // 'H'
    expect(command).toEqual({ kind: 'body', chunk: Buffer.from('Hi') });
  });
});

describe('memory that was handed out', () => {
  test('is never written again', () => {
    const decoder = new PacketDecoder();
    const packets = Array.from({ length: 300 }, (_, i) =>
      encodeCommand({ kind: 'body', chunk: Buffer.alloc(i * 7, i) }),
    );
    const stream = Buffer.concat(packets);
    const kept: Buffer[] = [];
    for (let at = 0; at < stream.length; at += 1000) {
      decoder.push(Buffer.from(stream.subarray(at, at + 1000)));
      for (const { data } of decoder) kept.push(data);
    }
    expect(kept).toEqual(packets.map((packet) => packet.subarray(5)));
  });
});
