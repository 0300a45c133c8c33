import { keyBytes, printable, shownKey } from '../../src/kv/key.ts';

test.each([
  ['helo/mx.example.com', 'helo/mx.example.com'],
  ['grün/日本/😀', 'grün/日本/😀'],
  ['a\u001b[31mred', 'a\\u001b[31mred'],
  ['a\nb\r\t', 'a\\u000ab\\u000d\\u0009'],
  ['\u007f\u0085\u009b', '\\u007f\\u0085\\u009b'],
  ['a\u202eb\u2066', 'a\\u202eb\\u2066'],
  ['\u2028\u2029', '\\u2028\\u2029'],
  ['\u{e0001}', '\\udb40\\udc01'],
  ['\ud800', '\\ud800'],
])('%j is shown as %s', (key, shown) => {
  expect(printable(key)).toBe(shown);
  expect(shownKey(key)).toBe(shown);
});

test('a long key is cut', () => {
  expect(shownKey('k'.repeat(81))).toBe(`${'k'.repeat(80)}...`);
});

test.each(['\u001b\u202e\ud800', `\u001b\u202e${'k'.repeat(2000)}`])(
  'a key that is refused is shown without what a terminal obeys: %#',
  (key) => {
    expect(() => keyBytes(key)).toThrow(/\\u001b\\u202e/);
    expect(() => keyBytes(key)).not.toThrow(/[\p{Cc}\p{Cf}]/u);
  },
);
