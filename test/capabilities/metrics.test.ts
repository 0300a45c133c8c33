import { countFor } from '../../src/capabilities/metrics.ts';

const counted: unknown[] = [];
const counters = { count: (...args: unknown[]) => void counted.push(args) };
const count = (...args: unknown[]) => countFor(counters, 'f', 'count', args);

test('a counter is counted with its labels, which are cut where they are too long', () => {
  expect(count('seen', 2, { kind: 'x'.repeat(300) })).toBeNull();
  expect(counted).toEqual([['f', 'seen', 2, { kind: 'x'.repeat(100) }]]);
});

test.each(['__name__', '__x', '__proto__'])('the label %s is refused', (label) => {
  const labels = JSON.parse(`{"${label}":"a"}`) as object;
  expect(() => count('seen', 1, labels)).toThrow(
    expect.objectContaining({
      code: 'ERR_ARGUMENT',
      message: expect.stringContaining(`the label ${label} begins with __`),
    }),
  );
});

test.each([
  [['no-name', 1, {}]],
  [['seen', -1, {}]],
  [['seen', 1, { kind: 1 }]],
  [['seen', 1, { 'a-b': 'x' }]],
  [['seen', 1]],
])('%j is refused', (args) => {
  expect(() => count(...args)).toThrow(/^metrics\.count: expected a name/);
});
