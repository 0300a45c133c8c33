import fc from 'fast-check';
import { durationMs, sizeBytes, UnitError } from '../../src/config/units.ts';

test.each([
  ['500ms', 500],
  ['90s', 90_000],
  ['1.5m', 90_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  [250, 250],
])('%p is %p ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

test.each([
  ['10B', 10],
  ['64KB', 65_536],
  ['1.5MB', 1_572_864],
  [7, 7],
])('%p is %p bytes', (text, bytes) => {
  expect(sizeBytes(text)).toBe(bytes);
});

test.each(['', '5', 's', '-1s', '5 weeks', '1e3s', '5S', -1, Number.NaN, null, {}])(
  '%p is not a duration',
  (value) => {
    expect(() => durationMs(value as string)).toThrow(UnitError);
    expect(() => durationMs(value as string)).toThrow(/expected a duration such as .*, got /);
  },
);

test('any text is a number or a typed error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        return durationMs(text) >= 0;
      } catch (error) {
        return error instanceof UnitError;
      }
    }),
  );
});
