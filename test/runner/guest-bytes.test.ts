import { bytesFromLatin1, latin1FromBytes } from '../../src/runner/guest/bytes.ts';

describe('bytes inside the isolate', () => {
  const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);

  test.each([0, 1, 8191, 8192, 8193, 100_000])('%i of them cross and come back', (length) => {
    const bytes = Uint8Array.from({ length }, (_, index) => index % 256);
    const text = latin1FromBytes(bytes);
    expect(text).toBe(Buffer.from(bytes).toString('latin1'));
    expect(bytesFromLatin1(text)).toEqual(bytes);
  });

  test('are those of the view, not of the buffer behind it', () => {
    expect(latin1FromBytes(everyByte.subarray(65, 68))).toBe('ABC');
  });
});
