import { CommandDecoder, ReplyDecoder } from '../src/index.ts';
import { bytes } from './wire.ts';

describe('a decoder', () => {
  test('gives nothing until a packet is complete', () => {
    const decoder = new ReplyDecoder();
    const wire = bytes('0000000a "hX-Spam" 00 "1" 00');
    for (const byte of wire.subarray(0, -1)) {
      decoder.push(Uint8Array.of(byte));
      expect(decoder.next()).toBeUndefined();
    }
    decoder.push(wire.subarray(-1));
    expect(decoder.next()).toEqual({ kind: 'addheader', name: 'X-Spam', value: '1' });
  });

  test('takes any Uint8Array and ignores empty chunks', () => {
    const decoder = new CommandDecoder();
    const memory = new Uint8Array([9, 9, 0, 0, 0, 3, 0x42, 1, 2, 9]);
    decoder.push(new Uint8Array(0));
    decoder.push(memory.subarray(2, 9));
    decoder.push(new Uint8Array(0));
    expect(decoder.next()).toEqual({ kind: 'body', chunk: Buffer.of(1, 2) });
    expect(decoder.next()).toBeUndefined();
  });

  test('can be given more while it is iterated', () => {
    const decoder = new CommandDecoder();
    decoder.push(bytes('00000001 "T"'));
    const kinds: string[] = [];
    for (const { kind } of decoder) {
      kinds.push(kind);
      if (kinds.length === 1) decoder.push(bytes('00000001 "N"'));
    }
    expect(kinds).toEqual(['data', 'eoh']);
  });

  test('knows how many bytes wait', () => {
    const decoder = new CommandDecoder();
    expect(decoder.pendingBytes).toBe(0);
    decoder.push(bytes('00000001 "T" 0000'));
    expect(decoder.pendingBytes).toBe(7);
    decoder.next();
    expect(decoder.pendingBytes).toBe(2);
    expect(decoder.next()).toBeUndefined();
    expect(decoder.pendingBytes).toBe(2);
    decoder.push(bytes('0002 "H"'));
    decoder.next();
    expect(decoder.pendingBytes).toBe(5);
    decoder.push(bytes('00'));
    expect(decoder.next()).toEqual({ kind: 'helo', name: '' });
    expect(decoder.pendingBytes).toBe(0);
  });

  test('gives what came before a mistake, then the same error for ever', () => {
    const decoder = new CommandDecoder();
    decoder.push(bytes('00000001 "T" 00000001 "z" 00000001 "N"'));
    expect(decoder.next()).toEqual({ kind: 'data' });
    const failures = [
      () => decoder.next(),
      () => decoder.next(),
      () => decoder.push(bytes('00000001 "N"')),
      () => [...decoder],
    ].map((run) => {
      try {
        run();
      } catch (error) {
        return error;
      }
      return 'no error';
    });
    expect(failures[0]).toMatchObject({ code: 'ERR_MILTER_UNKNOWN_COMMAND' });
    for (const failure of failures) expect(failure).toBe(failures[0]);
    expect(decoder.pendingBytes).toBe(0);
  });

  test('has an error that knows where the packet starts in the stream', () => {
    const decoder = new CommandDecoder();
    decoder.push(bytes('00000001 "T" 00000002 "H" 00 00000000'));
    expect([decoder.next(), decoder.next()]).toHaveLength(2);
    expect(() => decoder.next()).toThrow(
      expect.objectContaining({ where: { packet: 'packet', field: 'length', offset: 11 } }),
    );
  });
});
