/** What a sender or a filter wrote takes time in proportion to its length: the worker has other sessions. */

import fc from 'fast-check';
import { SMFI_CURR_ACTS } from 'net-milter-codec';
import { decodeWords, encodeWords } from '../../src/milter/encoded-word.ts';
import { modificationReplies } from '../../src/milter/modifications.ts';

/** In proportion to the square it would be minutes. */
const MOST_MS = 2_000;

const UNCLOSED = `"${'\\"'.repeat(500_000)}`;

function timed(run: () => unknown): number {
  const startedAt = performance.now();
  run();
  return performance.now() - startedAt;
}

test('a header value with a quote that never ends', () => {
  expect(timed(() => encodeWords(`ü ${UNCLOSED}`))).toBeLessThan(MOST_MS);
  expect(timed(() => encodeWords(`ü ${'" '.repeat(500_000)}`))).toBeLessThan(MOST_MS);
});

test('an address with a quote that never ends is refused', () => {
  const message = { headers: [], recipients: [], smtputf8: false, leadingSpace: true } as const;
  const change = () =>
    modificationReplies([{ kind: 'addRecipient', address: `${UNCLOSED}@a`, args: [] }], {
      ...message,
      actions: SMFI_CURR_ACTS,
      mta: 'postfix',
    });
  expect(timed(() => expect(change).toThrow(/at most 2048 bytes/))).toBeLessThan(MOST_MS);
});

test('words are cut as before: at white space outside of quoted strings', () => {
  const text = fc
    .array(fc.constantFrom('"', '\\', ' ', '\t', '\n ', 'a', 'ü', 'b c'), { maxLength: 30 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (value) => {
      const decoded = decodeWords(encodeWords(value).replace(/^/, ' '));
      expect(decoded.replace(/[ \t\n]+/g, '')).toBe(value.replace(/[ \t\n]+/g, ''));
    }),
    { numRuns: 2_000 },
  );
});
