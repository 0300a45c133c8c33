import { type Machine, planFor } from './requirements.ts';

const FULL: Machine = { has: () => true, isRoot: true, isCI: false };
const BARE: Machine = { has: (program) => program === 'openssl', isRoot: true, isCI: false };

describe('tests that need programs', () => {
  test('run where all programs are', () => {
    expect(planFor(['postfix', 'swaks'], FULL)).toEqual({ kind: 'run' });
    expect(planFor(['openssl'], { ...BARE, isRoot: false, isCI: true })).toEqual({ kind: 'run' });
  });

  test('are skipped where one is missing, and tell what to install', () => {
    expect(planFor(['openssl', 'dovecot', 'swaks'], BARE)).toEqual({
      kind: 'skip',
      reason: 'not installed: dovecot, swaks; apt-get install dovecot-core swaks',
    });
  });

  test('fail on CI instead', () => {
    expect(planFor(['miltertest'], { ...BARE, isCI: true })).toEqual({
      kind: 'fail',
      reason: 'not installed: miltertest; apt-get install miltertest',
    });
  });

  test('need root for Postfix and Sendmail', () => {
    expect(planFor(['postfix', 'sendmail'], { ...FULL, isRoot: false })).toEqual({
      kind: 'skip',
      reason: 'only root can start: postfix, sendmail',
    });
  });

  test('get Sendmail from npm test, since it cannot be installed beside Postfix', () => {
    expect(planFor(['sendmail', 'swaks'], { ...BARE, isRoot: false })).toEqual({
      kind: 'skip',
      reason:
        'not installed: swaks; apt-get install swaks; not unpacked: sendmail; npm test does it, as root; only root can start: sendmail',
    });
    expect(planFor(['sendmail'], { ...BARE, isCI: true }).kind).toBe('fail');
  });
});
