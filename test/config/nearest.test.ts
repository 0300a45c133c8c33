import { nearest, suggestion } from '../../src/config/nearest.ts';

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
