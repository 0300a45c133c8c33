import fc from 'fast-check';
import { foldLongLines } from '../../src/milter/header-fold.ts';

const longest = (value: string, before: number) =>
  Math.max(...value.split('\n').map((line, index) => line.length + (index === 0 ? before : 0)));

test('what is short enough stays as it is', () => {
  expect(foldLongLines('a b\n c', 10)).toBe('a b\n c');
  expect(foldLongLines(`${'a'.repeat(497)} ${'b'.repeat(500)}`, 0)).not.toContain('\n');
});

test('a long line is folded as late as possible', () => {
  const value = 'word '.repeat(600).trim();
  const lines = foldLongLines(value, 8).split('\n');
  expect(lines.map((line) => line.length)).toEqual([989, 995, 995, 20]);
  expect(lines.join('')).toBe(value);
});

test('only the lines that are too long', () => {
  const long = `${'a'.repeat(600)} ${'b'.repeat(600)}`;
  expect(foldLongLines(`short\n ${long}\n\tshort`, 5)).toBe(
    `short\n ${'a'.repeat(600)}\n ${'b'.repeat(600)}\n\tshort`,
  );
});

test('a word that is too long stays in one piece', () => {
  expect(foldLongLines('a'.repeat(3000), 5)).toBe('a'.repeat(3000));
  expect(foldLongLines(`x ${'a'.repeat(3000)} y`, 5)).toBe(`x\n ${'a'.repeat(3000)}\n y`);
});

test('no line is made of white space alone, and unfolding gives the value', () => {
  const value = fc
    .array(fc.constantFrom(' ', '\t', 'a', 'b'.repeat(400), 'c'.repeat(997), ' '.repeat(1500)), {
      maxLength: 20,
    })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(value, fc.nat({ max: 80 }), (text, before) => {
      const folded = foldLongLines(text, before);
      expect(folded.replaceAll('\n', '')).toBe(text);
      if (folded !== text) {
        for (const line of folded.split('\n')) expect(line.trim()).not.toBe('');
      }
      const couldBeShorter = /^\S+( \S+)*$/.test(text) && !/\S{900}/.test(text);
      if (couldBeShorter) expect(longest(folded, before)).toBeLessThanOrEqual(998);
    }),
  );
});

test('takes time in proportion to the length', () => {
  const startedAt = performance.now();
  foldLongLines('a '.repeat(1_000_000), 5);
  foldLongLines(' '.repeat(1_000_000), 5);
  foldLongLines('a'.repeat(1_000_000), 5);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
