import { nearest, shownName, suggestion } from '../../src/config/nearest.ts';

const phases = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'];

test.each([
  ['conect', 'connect'],
  ['rctp', 'rcpt'],
  ['Header', 'header'],
  ['headers', 'header'],
  ['eomm', 'eom'],
])('%s was probably meant to be %s', (name, meant) => {
  expect(nearest(name, phases)).toBe(meant);
});

test.each(['greylist', 'x', 'zz', ''])(
  'nothing is suggested for %p, which is like nothing',
  (name) => {
    expect(nearest(name, phases)).toBeUndefined();
    expect(suggestion(name, phases)).toBe('');
  },
);

test('a suggestion ends a message', () => {
  expect(`there is no phase 'conect'${suggestion('conect', phases)}`).toBe(
    "there is no phase 'conect'; did you mean 'connect'?",
  );
});

test('a name without end costs nothing, and is shown in short', () => {
  const endless = 'x'.repeat(4_000_000);
  const began = performance.now();
  for (let times = 0; times < 100; times++) expect(nearest(endless, phases)).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(100);
  expect(shownName(endless)).toBe(`${'x'.repeat(200)}...`);
  expect(shownName('fleet')).toBe('fleet');
});

test('a candidate that is far longer is not even compared', () => {
  const began = performance.now();
  expect(nearest('helo'.repeat(40), ['x'.repeat(4_000_000)])).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(100);
});
