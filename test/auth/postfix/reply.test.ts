import fc from 'fast-check';
import { encodeAnswer, policyAnswer } from '../../../src/auth/postfix/reply.ts';
import type { Verdict } from '../../../src/policy/verdict.ts';

const answer = (verdict: Verdict, delayMs = 0, state = 'RCPT', longestDelayMs = 30_000) =>
  policyAnswer({ verdict, delayMs, modifications: [] }, state, longestDelayMs);

const ACTIONS: readonly (readonly [Verdict, string])[] = [
  [{ kind: 'continue' }, 'DUNNO'],
  [{ kind: 'accept' }, 'DUNNO'],
  [{ kind: 'accept', all: true }, 'DUNNO'],
  [{ kind: 'reject' }, 'REJECT'],
  [{ kind: 'reject', reply: { code: 554, enhanced: '5.7.1', lines: ['No'] } }, '554 5.7.1 No'],
  [{ kind: 'reject', reply: { code: 550, lines: ['No'] } }, '550 No'],
  [{ kind: 'reject', reply: { code: 550, enhanced: '5.7.1', lines: [''] } }, '550 5.7.1'],
  [{ kind: 'reject', reply: { code: 550, lines: ['One', 'two'] } }, '550 One two'],
  [{ kind: 'tempfail' }, 'DEFER_IF_PERMIT'],
  [
    { kind: 'tempfail', reply: { code: 451, enhanced: '4.7.1', lines: ['Later'] } },
    '451 4.7.1 Later',
  ],
  [{ kind: 'discard' }, 'DISCARD'],
  [{ kind: 'prepend', text: 'X-Policy:\tseen' }, 'PREPEND X-Policy:\tseen'],
  [{ kind: 'redirect', text: 'a@example.org' }, 'REDIRECT a@example.org'],
  [{ kind: 'hold', text: 'for review' }, 'HOLD for review'],
  [{ kind: 'hold', text: '' }, 'HOLD'],
  [{ kind: 'filter', text: 'smtp:[127.0.0.1]:10025' }, 'FILTER smtp:[127.0.0.1]:10025'],
];

test.each(ACTIONS)('%j is %s', (verdict, action) => {
  expect(answer(verdict)).toEqual({ action, waitMs: 0 });
  expect(encodeAnswer(action).toString()).toBe(`action=${action}\n\n`);
});

test('a delay alone is left to Postfix, in whole seconds and as long as allowed', () => {
  expect(answer({ kind: 'continue' }, 2000)).toEqual({ action: 'SLEEP 2', waitMs: 0 });
  expect(answer({ kind: 'accept', all: true }, 1)).toEqual({ action: 'SLEEP 1', waitMs: 0 });
  expect(answer({ kind: 'continue' }, 60_000)).toEqual({ action: 'SLEEP 30', waitMs: 0 });
  expect(answer({ kind: 'continue' }, 60_000, 'RCPT', 0)).toEqual({ action: 'DUNNO', waitMs: 0 });
});

test('a delay of another answer is waited for here, as long as allowed', () => {
  expect(answer({ kind: 'reject' }, 2500)).toEqual({ action: 'REJECT', waitMs: 2500 });
  expect(answer({ kind: 'reject' }, 60_000)).toEqual({ action: 'REJECT', waitMs: 30_000 });
});

test.each([
  [{ kind: 'discard' }, 'CONNECT'],
  [{ kind: 'hold', text: '' }, 'HELO'],
  [{ kind: 'prepend', text: 'X: y' }, 'EHLO'],
  [{ kind: 'prepend', text: 'X: y' }, 'END-OF-MESSAGE'],
  [{ kind: 'redirect', text: 'a@example.org' }, 'VRFY'],
  [{ kind: 'filter', text: 'smtp:x' }, 'ETRN'],
] as const)('what Postfix cannot do is told and not asked: %j at %s', (verdict, state) => {
  expect(answer(verdict, 0, state)).toEqual({
    action: 'DUNNO',
    waitMs: 0,
    problem: `Postfix cannot ${verdict.kind} at ${state}`,
  });
});

test.each(['', 'a@example.org\nX: y', 'a@example.org\0', `${'a'.repeat(999)}`])(
  'a text that must arrive as it is, and cannot, is a temporary refusal (%#)',
  (text) => {
    for (const kind of ['prepend', 'redirect', 'filter'] as const) {
      const { action, problem } = answer({ kind, text });
      expect(action).toBe('DEFER_IF_PERMIT');
      expect(problem).toContain(`the text of ${kind} `);
    }
  },
);

test.each(['skip', 'route', 'delay'] as const)('%s is no answer', (kind) => {
  const verdicts = {
    skip: { kind: 'skip' },
    route: { kind: 'route', host: '192.0.2.1', port: 143 },
    delay: { kind: 'delay', ms: 1, answer: { kind: 'continue' } },
  } as const;
  expect(answer(verdicts[kind])).toMatchObject({
    action: 'DEFER_IF_PERMIT',
    problem: `${kind} is no answer to a policy request`,
  });
});

test('a long text is cut between characters', () => {
  const { action } = answer({ kind: 'hold', text: `x${'€'.repeat(1000)}` });
  expect(action).toBe(`HOLD x${'€'.repeat(324)}`);
  expect(Buffer.byteLength(action)).toBe(978);
  const lines = Array<string>(32).fill('x'.repeat(980));
  expect(answer({ kind: 'reject', reply: { code: 550, lines } }).action).toBe(
    `550 ${'x'.repeat(976)}`,
  );
});

const text = fc
  .string({ unit: 'binary', maxLength: 1500, size: 'max' })
  .map((some) => some.replaceAll('a', '\r\n'));
const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('reject' as const, 'tempfail' as const),
    reply: fc.record({
      code: fc.integer({ min: 400, max: 599 }),
      lines: fc.array(text, { minLength: 1, maxLength: 4 }),
    }),
  }),
  fc.record({
    kind: fc.constantFrom(
      'prepend' as const,
      'redirect' as const,
      'hold' as const,
      'filter' as const,
    ),
    text,
  }),
);

test('whatever a filter writes, the answer is one line that Postfix can read', () => {
  fc.assert(
    fc.property(verdict, fc.constantFrom('RCPT', 'END-OF-MESSAGE', 'CONNECT'), (some, state) => {
      const wire = encodeAnswer(answer(some, 0, state).action).toString('latin1');
      expect(wire).toMatch(
        /^action=(?:[45]\d\d|DUNNO|DEFER_IF_PERMIT|HOLD|PREPEND|REDIRECT|FILTER)(?: [^\x00-\x08\x0a-\x1f\x7f]*)?\n\n$/,
      );
      expect(wire.length).toBeLessThan(1024);
    }),
    // Long texts take for ever to shrink.
    { numRuns: 1000, interruptAfterTimeLimit: 10_000 },
  );
});

test('an action with line ends in it is still one line', () => {
  expect(encodeAnswer('550 a\r\n\r\naction=OK\0').toString()).toBe('action=550 a action=OK \n\n');
});
