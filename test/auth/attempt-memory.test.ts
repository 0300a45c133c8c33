import { AttemptMemory } from '../../src/auth/attempt-memory.ts';
import { readAttempt } from '../../src/auth/dovecot-attempt.ts';
import { dovecotSample } from './samples.ts';

const GO = { kind: 'go', delaySeconds: 0 } as const;

function memory() {
  let now = 1_000_000;
  return {
    of: new AttemptMemory({ sessions: 100, now: () => now }),
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test('the second allow of an attempt comes after the password check, the third begins anew', () => {
  const { of } = memory();
  const first = of.allowed('k', true);
  first.answered(GO);
  const second = of.allowed('k', true);
  second.answered(GO);
  expect([first.isSecond, second.isSecond, of.allowed('k', true).isSecond]).toEqual([
    false,
    true,
    false,
  ]);
});

test('after a report the next allow of the same hash is before the check again', () => {
  const { of } = memory();
  of.allowed('k', true).answered(GO);
  of.reported('k', false);
  expect(of.allowed('k', true).isSecond).toBe(false);
});

test('an allow that is not answered yet, refused or failed is followed by none after the check', () => {
  const { of } = memory();
  of.allowed('open', true);
  of.allowed('refused', true).answered({ kind: 'refused' });
  of.allowed('failed', true).answered({ kind: 'failed' });
  for (const key of ['open', 'refused', 'failed'])
    expect(of.allowed(key, true).isSecond).toBe(false);
});

test('while a tarpit lasts an allow that looks the same is another attempt', () => {
  const { of, pass } = memory();
  of.allowed('k', false).answered({ kind: 'go', delaySeconds: 3 });
  pass(1000);
  expect(of.allowed('k', false).isSecond).toBe(false);
  const { of: again, pass: later } = memory();
  again.allowed('k', false).answered({ kind: 'go', delaySeconds: 3 });
  later(3003);
  expect(again.allowed('k', false).isSecond).toBe(true);
});

test('without a session the second allow must come soon', () => {
  for (const [hasSession, isSecond] of [
    [true, true],
    [false, false],
  ] as const) {
    const { of, pass } = memory();
    of.allowed('k', hasSession).answered(GO);
    pass(20_000);
    expect(of.allowed('k', hasSession).isSecond).toBe(isSecond);
  }
});

test('a report that comes again at once is repeated; after an allow, a while or another outcome it is not', () => {
  const { of, pass } = memory();
  expect(of.reported('k', false).isRepeated).toBe(false);
  expect(of.reported('k', false).isRepeated).toBe(true);
  expect(of.reported('k', true).isRepeated).toBe(false);
  of.allowed('k', true).answered(GO);
  expect(of.reported('k', true).isRepeated).toBe(false);
  pass(5001);
  expect(of.reported('k', true).isRepeated).toBe(false);
});

test('a report after an allow that had no answer says so', () => {
  const { of } = memory();
  of.allowed('open', true);
  of.allowed('failed', true).answered({ kind: 'failed' });
  of.allowed('go', true).answered(GO);
  expect(of.reported('open', false).wasUnanswered).toBe(true);
  expect(of.reported('failed', false).wasUnanswered).toBe(true);
  expect(of.reported('go', false).wasUnanswered).toBe(false);
  expect(of.reported('never heard of', false).wasUnanswered).toBe(false);
});

test('attempts of one session with other passwords, and other sessions, are others', () => {
  const attempt = readAttempt(dovecotSample('allow-2.3-imap'));
  const sasl = readAttempt(dovecotSample('allow-postfix-sasl'));
  const keys = [
    AttemptMemory.key(attempt, '070d'),
    AttemptMemory.key(attempt, '0329'),
    AttemptMemory.key({ ...attempt, session: 'other' }, '070d'),
    AttemptMemory.key(sasl, '070d'),
    AttemptMemory.key({ ...sasl, client: { address: '192.0.2.1' } }, '070d'),
    AttemptMemory.key({ ...sasl, protocol: 'imap' }, '070d'),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});
