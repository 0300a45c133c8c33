import fc from 'fast-check';
import { KvError } from '../../src/kv/errors.ts';
import { MemoryStore } from '../../src/kv/memory.ts';
import { decodeValue, encodeValue, type KvValue } from '../../src/kv/value.ts';

const zeroed = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_key, inner) => (Object.is(inner, -0) ? 0 : inner)));

test('every JSON value comes back as it went in', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      expect(decodeValue(encodeValue(value as KvValue))).toEqual(zeroed(value));
    }),
  );
});

test('all bytes come back as they went in', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
      const back = decodeValue(encodeValue(value));
      expect(back).toBeInstanceOf(Uint8Array);
      expect(Buffer.compare(back as Uint8Array, value)).toBe(0);
    }),
  );
});

test('any bytes of a store are a value or a typed error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      try {
        decodeValue(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(KvError);
      }
    }),
  );
});

test.each([
  [42, '42'],
  [-7, '-7'],
  [1.5, '1.5'],
  ['käse', '"käse"'],
  [null, 'null'],
  [[1, { a: true }], '[1,{"a":true}]'],
  ['\ud83d', '"\\ud83d"'],
])('%j is stored as %s', (value, text) => {
  expect(encodeValue(value).toString('utf8')).toBe(text);
});

test('bytes are stored behind a zero, which no JSON begins with', () => {
  expect([...encodeValue(Uint8Array.of(255, 0, 49))]).toEqual([0, 255, 0, 49]);
});

test('a number that was set can be counted on, and the sum read as a number', async () => {
  const store = new MemoryStore();
  await store.set('n', encodeValue(41));
  expect(await store.incr('n', 1)).toBe(42);
  expect(decodeValue((await store.get('n'))!)).toBe(42);
  await store.close();
});

test.each<[value: unknown, message: string]>([
  [undefined, 'expected a JSON value or bytes, got undefined'],
  [Number.NaN, 'expected a JSON value or bytes, got NaN'],
  [{ a: [1, new Date(0)] }, 'expected a JSON value or bytes, got a Date at .a[1]'],
  [{ a: Uint8Array.of(1) }, 'expected a JSON value or bytes, got a Uint8Array at .a'],
  [{ a: undefined }, 'expected a JSON value or bytes, got undefined at .a'],
  [1n, 'expected a JSON value or bytes, got a bigint'],
])('%p is refused, because it would come back as something else', (value, message) => {
  expect(() => encodeValue(value as KvValue)).toThrow(
    expect.objectContaining({ code: 'ERR_KV_VALUE', message }),
  );
});

test.each([
  ['', 'nothing'],
  ['{', 'half an object'],
  ['\ufffd\xff', 'no JSON'],
])('%j is refused as %s', (text) => {
  expect(() => decodeValue(Buffer.from(text, 'latin1'))).toThrow(KvError);
});
