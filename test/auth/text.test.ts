import fc from 'fast-check';
import { cutToBytes, headerText, headerValue, oneLine } from '../../src/auth/text.ts';

const text = fc.string({ unit: 'binary', maxLength: 60 });

test('a text is cut before a character that does not fit, and nowhere else', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 0, max: 80 }), (whole, bytes) => {
      const cut = cutToBytes(whole, bytes);
      expect(whole.startsWith(cut)).toBe(true);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytes);
      const next = [...whole.slice(cut.length)][0];
      if (next !== undefined) expect(Buffer.byteLength(cut + next)).toBeGreaterThan(bytes);
    }),
    {
      examples: [
        ['aü', 2],
        ['😀', 3],
        ['', 0],
      ],
    },
  );
});

test('one line has no end in it, and is proper text', () => {
  fc.assert(
    fc.property(text, (any) => {
      const line = oneLine(any);
      expect(line).not.toMatch(/[\r\n\0\u0085\u2028\u2029]/);
      expect(line.isWellFormed()).toBe(true);
    }),
    { examples: [['a\r\nb\u2028c\ud800']] },
  );
  expect(oneLine(' a\r\n\tb ')).toBe('a b');
});

test('a text comes out of a header as it went in', () => {
  fc.assert(fc.property(text, (any) => expect(headerText(headerValue(any))).toBe(any)));
});
