import { MAX_EXPIRY_MS } from '../../src/kv/entry.ts';
import { packEnvelope, unpackEnvelope } from '../../src/kv/envelope.ts';

test('an entry comes back as it went in', () => {
  for (const expiryMs of [0, 1, 1_700_000_000_123, MAX_EXPIRY_MS]) {
    for (const value of [Buffer.of(), Buffer.from('x'), Buffer.alloc(1000, 0xff)]) {
      const entry = { expiryMs, value };
      expect(unpackEnvelope('k', packEnvelope(entry))).toEqual(entry);
    }
  }
});

test('an envelope begins with the expiry, big-endian', () => {
  const packed = packEnvelope({ expiryMs: 0x010203040506, value: Buffer.from('v') });
  expect(packed.toString('hex')).toBe('01020304050676');
});

test('bytes of another program are refused', () => {
  expect(() => unpackEnvelope('k', Buffer.from('12345'))).toThrow(
    expect.objectContaining({ code: 'ERR_KV_VALUE' }),
  );
});
