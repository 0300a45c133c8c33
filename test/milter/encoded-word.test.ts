import fc from 'fast-check';
import { encodeText } from 'net-milter-codec';
import { decodeWords, encodeWords } from '../../src/milter/encoded-word.ts';

describe('decodeWords', () => {
  test.each([
    [' plain', 'plain'],
    ['  two spaces', ' two spaces'],
    [' =?utf-8?Q?caf=C3=A9?=', 'café'],
    [' =?UTF-8?b?w6k=?= x', 'é x'],
    [' =?iso-8859-1?q?=E9t=E9?=', 'été'],
    [' =?iso-8859-1*fr?q?=E9?=', 'é'],
    [' =?koi8-r?B?8NLJ18XU?=', 'Привет'],
    // White space between encoded words is dropped, other is not.
    [' =?utf-8?Q?a?= =?utf-8?Q?b?= c', 'ab c'],
    [' =?utf-8?Q?a?=\n =?utf-8?Q?b?=', 'ab'],
    [' =?utf-8?Q?a_b?= x =?utf-8?Q?c?=', 'a b x c'],
    // A character cut in two.
    [' =?utf-8?Q?=C3?= =?utf-8?Q?=A9?=', 'é'],
    [' =?utf-8?Q?a?= =?iso-8859-1?Q?=E9?=', 'aé'],
    // Folds vanish, their white space stays.
    [' a\r\n\tb =?utf-8?Q?c?=', 'a\tb c'],
    // What cannot be decoded stays.
    [' =?x-unknown?Q?abc?=', '=?x-unknown?Q?abc?='],
    [' =?utf-8?X?abc?=', '=?utf-8?X?abc?='],
    [' =?utf-8?Q?abc', '=?utf-8?Q?abc'],
    [' =?utf-8?Q?a=ZZ?=', 'a=ZZ'],
    // Raw bytes beside them.
    [' caf\xc3\xa9 =?utf-8?Q?x?=', 'café x'],
    [' caf\xe9 =?utf-8?Q?x?=', 'café x'],
    ['', ''],
  ])('%j is %j', (raw, text) => {
    expect(decodeWords(raw)).toBe(text);
  });

  test('never throws', () => {
    const parts = fc.constantFrom(
      '=?',
      '?=',
      '?',
      'utf-8',
      'q',
      'B',
      '=C3',
      '=',
      ' ',
      '\n ',
      'w6k=',
      '\xe9',
      '_',
    );
    fc.assert(
      fc.property(fc.array(parts), (list) => typeof decodeWords(list.join('')) === 'string'),
    );
  });

  test('takes its time in proportion to the length', () => {
    for (const piece of ['=?', '=?a', '=?a?', '=?a?q?', '=?a?q?b ', '=?a?q?b?= ', '"', '\n ']) {
      const started = performance.now();
      decodeWords(piece.repeat(20_000));
      encodeWords(`${piece.repeat(20_000)}é`);
      expect(performance.now() - started).toBeLessThan(5_000);
    }
  });
});

describe('encodeWords', () => {
  test.each([
    ['plain text', 'plain text'],
    ['café', '=?UTF-8?Q?caf=C3=A9?='],
    ['Привет', '=?UTF-8?B?0J/RgNC40LLQtdGC?='],
    ['Jürgen Müller <j@example.org>', '=?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?= <j@example.org>'],
    ['"Anna Müller" <a@example.org>', '=?UTF-8?Q?=22Anna_M=C3=BCller=22?= <a@example.org>'],
    ['to é\n and é', 'to =?UTF-8?Q?=C3=A9?=\n and =?UTF-8?Q?=C3=A9?='],
    ['é\n\té', '=?UTF-8?B?w6kJw6k=?='],
    ['not =?utf-8?Q?mine?=', 'not =?UTF-8?Q?=3D=3Futf-8=3FQ=3Fmine=3F=3D?='],
    ['', ''],
  ])('%j as %j', (text, value) => {
    expect(encodeWords(text)).toBe(value);
  });

  const text = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('é', ' ', 'ab', '"', '=?', '日本語', '🎉'),
        fc.string(),
      ),
    )
    .map((parts) => parts.join('').replace(/[\0\r\n]/g, ''));

  test('decodes to the same text', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(decodeWords(` ${encodeWords(value)}`)).toBe(value);
      }),
      { numRuns: 1_000 },
    );
  });

  test('gives ASCII, and no encoded word is longer than 75', () => {
    fc.assert(
      fc.property(text, (value) => {
        const encoded = encodeWords(value);
        expect(encoded).toMatch(/^[\x20-\x7e\t\n]*$/);
        expect(encoded).not.toMatch(/\n(?![ \t])/);
        if (encoded === value) return;
        for (const [word] of encoded.matchAll(/=\?UTF-8\?[BQ]\?[^?]*\?=/g)) {
          expect(word.length).toBeLessThanOrEqual(75);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('cuts no character in two', () => {
    const long = '日本語'.repeat(40);
    for (const [word] of encodeWords(long).matchAll(/=\?UTF-8\?B\?[^?]*\?=/g)) {
      expect(decodeWords(word)).not.toContain('\ufffd');
    }
    expect(encodeText(decodeWords(encodeWords(long)))).toBe(encodeText(long));
  });
});

test('a message with unknown charsets without end is not tried without end', () => {
  const tried = jest.spyOn(globalThis, 'TextDecoder');
  decodeWords(Array.from({ length: 1000 }, (_, n) => `=?x-${n}?q?a?=`).join(' x '));
  expect(tried.mock.calls.length).toBeLessThanOrEqual(20);
  tried.mockRestore();
});
