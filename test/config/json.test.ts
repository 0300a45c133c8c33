import fc from 'fast-check';
import { findJsonMisfit } from '../../src/config/json.ts';

test('whatever JSON.parse gives fits', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => findJsonMisfit(value) === undefined));
});

const circular: Record<string, unknown> = {};
circular.self = { circular };

test.each<[what: string, value: unknown, path: string]>([
  ['undefined', { a: undefined }, '.a'],
  ['a function', [[() => 1]], '[0][0]'],
  ['NaN', { a: { b: [0, Number.NaN] } }, '.a.b[1]'],
  ['Infinity', Number.POSITIVE_INFINITY, ''],
  ['a bigint', { n: 1n }, '.n'],
  ['a symbol', [Symbol('x')], '[0]'],
  ['a Date', { at: new Date(0) }, '.at'],
  ['a Map', new Map(), ''],
  // biome-ignore lint/suspicious/noSparseArray: the hole is the point
  ['undefined', [1, , 3], '[1]'],
])('%s is found at its place', (what, value, path) => {
  expect(findJsonMisfit(value)).toEqual({ what, path });
});

test('a value that contains itself is refused instead of followed for ever', () => {
  expect(findJsonMisfit(circular)?.what).toMatch(
    /nested deeper than 100 levels, or contains itself/,
  );
});
