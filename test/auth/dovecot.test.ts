import { AttemptMemory } from '../../src/auth/attempt-memory.ts';
import { Background } from '../../src/auth/background.ts';
import { Dovecot } from '../../src/auth/dovecot.ts';
import { Lists } from '../../src/auth/lists.ts';
import { LoginPolicy } from '../../src/auth/login-policy.ts';
import { LoginSessions } from '../../src/auth/login-sessions.ts';
import { Tarpits } from '../../src/auth/tarpits.ts';
import { MemoryStore } from '../../src/kv/memory.ts';
import type { Verdict } from '../../src/policy/verdict.ts';
import { dovecotSample } from './samples.ts';
import { logLines, type StubGate, stubGate } from './stub-gate.ts';

const NEVER = new AbortController().signal;
const ALLOW = dovecotSample('allow-2.3-imap');
const SUCCESS = dovecotSample('report-2.3-success');
const FAILURE = { ...SUCCESS, success: false };

function dovecot(
  answer?: StubGate['answer'],
  more: { rejectOnFail?: boolean; tarpits?: number } = {},
) {
  const stub = stubGate(answer);
  const { gate } = stub;
  const { log, lines } = logLines();
  const now = Date.now;
  const lists = new Lists(new MemoryStore());
  const sessions = new LoginSessions({ gate, log, silentMs: 1e6, sessions: 100, sweepEveryMs: 0 });
  const of = new Dovecot({
    policy: new LoginPolicy({ gate, log, lists }),
    gate,
    memory: new AttemptMemory({ sessions: 100, now }),
    sessions,
    tarpits: new Tarpits({ delayMs: 15_000, tarpits: more.tarpits ?? 10, now, full: () => {} }),
    background: new Background(),
    waiting: 10,
    ...(more.rejectOnFail !== undefined && { rejectOnFail: more.rejectOnFail }),
  });
  return { of, stub, sessions, lists, lines };
}

const outcomes = ({ calls }: StubGate) =>
  calls.flatMap((call) => (call.phase === 'login' ? [call.outcome] : []));
const verified = ({ calls }: StubGate) =>
  calls.flatMap((call) => (call.phase === 'auth' ? [call.attempt.verified] : []));

test('a good login is asked about before and after the check, and reported once', async () => {
  const { of, stub } = dovecot();
  expect(await of.allow(ALLOW, NEVER)).toEqual({ status: 0, msg: '' });
  await of.allow(ALLOW, NEVER);
  expect(await of.report(SUCCESS)).toEqual({ status: 0, msg: '' });
  expect(await of.report(SUCCESS)).toEqual({ status: 0, msg: '' });
  expect(verified(stub)).toEqual([undefined, true]);
  expect(outcomes(stub)).toMatchObject([{ login: 'alice', success: true }]);
  expect(outcomes(stub)[0]).not.toHaveProperty('reason');
  expect(of.counts).toEqual({ allows: 2, reports: 1, denied: 0, tarpitted: 0 });
});

test('wrong passwords that are tried again in one session count each', async () => {
  const { of, stub } = dovecot();
  for (let tried = 0; tried < 3; tried++) {
    await of.allow(ALLOW, NEVER);
    await of.report(FAILURE);
  }
  expect(verified(stub)).toEqual([undefined, undefined, undefined]);
  expect(outcomes(stub)).toHaveLength(3);
});

test.each<[string, Verdict, object]>([
  [
    'a text',
    { kind: 'reject', reply: { code: 550, enhanced: '5.7.1', lines: ['go', 'away'] } },
    { status: -1, msg: 'go away' },
  ],
  ['no text', { kind: 'reject' }, { status: -1, msg: 'Login refused' }],
  [
    'a temporary failure',
    { kind: 'tempfail' },
    { status: -1, msg: 'Login is not possible now, try again later' },
  ],
  ['a route', { kind: 'route', host: '192.0.2.1', port: 143 }, { status: 0, msg: '' }],
  ['an accept', { kind: 'accept' }, { status: 0, msg: '' }],
])('%s is answered the same before and after the check', async (_, verdict, answer) => {
  const { of } = dovecot(() => verdict);
  const after = { ...ALLOW, attrs: { phase: 'after' } };
  expect(await of.allow(ALLOW, NEVER)).toEqual(answer);
  expect(await of.allow(after, NEVER)).toEqual(answer);
});

test('a delay is whole seconds before the check, nothing after it, and nothing when there are too many', async () => {
  const { of, stub } = dovecot(undefined, { tarpits: 1 });
  stub.delayMs = 2100;
  const GO_ON = { status: 0, msg: '' };
  expect(await of.allow({ ...ALLOW, attrs: { phase: 'after' } }, NEVER)).toEqual(GO_ON);
  expect(await of.allow(ALLOW, NEVER)).toEqual({ status: 3, msg: '' });
  expect(await of.allow({ ...ALLOW, session_id: 'other' }, NEVER)).toEqual(GO_ON);
});

test('what a filter says never breaks a line, nor is it endless', async () => {
  const lines = [`a\r\nb\0${'ü'.repeat(900)}`];
  const { of } = dovecot(() => ({ kind: 'reject', reply: { code: 550, lines } }));
  const answer = await of.allow(ALLOW, NEVER);
  expect(answer!.msg).toMatch(/^a b ü+$/);
  expect(Buffer.byteLength(answer!.msg)).toBeLessThanOrEqual(400);
});

test('a failure is for the reason that Dovecot gives', async () => {
  const { of, stub } = dovecot();
  await of.report(dovecotSample('report-2.4-account'));
  await of.report({ ...FAILURE, policy_reject: true });
  await of.report({ ...FAILURE, session_id: 'x', fail_type: '' });
  expect(outcomes(stub).map(({ reason }) => reason)).toEqual(['account', 'policy', undefined]);
});

test.each([
  [undefined, 'internal'],
  [true, 'internal'],
  [false, undefined],
])(
  'after an allow that nobody waited for, with rejectOnFail %s, a failure is %s',
  async (rejectOnFail, reason) => {
    const away = new AbortController();
    const { of, stub } = dovecot(
      () => {
        away.abort();
        return { kind: 'continue' };
      },
      rejectOnFail === undefined ? {} : { rejectOnFail },
    );
    expect(await of.allow(ALLOW, away.signal)).toBeUndefined();
    await of.report(FAILURE);
    expect(outcomes(stub)[0]?.reason).toBe(reason);
  },
);

test('a report while its allow is still being answered is no wrong password', async () => {
  let begun = () => {};
  const isAsked = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const { of, stub } = dovecot(({ phase }) => {
    if (phase === 'login') return { kind: 'continue' };
    begun();
    return new Promise(() => {});
  });
  void of.allow(ALLOW, NEVER);
  await isAsked;
  await of.report(FAILURE);
  expect(outcomes(stub)[0]?.reason).toBe('internal');
});

test('leases of a login end with its failure, or with the session that it opens', async () => {
  const { of, stub, sessions } = dovecot();
  await of.allow(ALLOW, NEVER);
  await of.report(FAILURE);
  expect(stub.ended).toEqual([stub.options[0]!.leaseOwner!.id]);
  await of.allow(ALLOW, NEVER);
  await of.report(SUCCESS);
  expect(stub.ended).toHaveLength(1);
  expect(stub.options.at(-1)!.leaseOwner).toBe(stub.options.at(-2)!.leaseOwner);
  sessions.ended('q2QN9Ldg1tp/AAAB');
  expect(stub.ended).toHaveLength(2);
});

test('leases of a login without a session end with its report', async () => {
  const { of, stub, sessions } = dovecot();
  const sasl = dovecotSample('allow-postfix-sasl');
  await of.allow(sasl, NEVER);
  await of.report({ ...sasl, success: true, policy_reject: false });
  expect(stub.ended).toHaveLength(1);
  expect(sessions.size).toBe(0);
});

test('a report is answered though its filters take long', async () => {
  const { of } = dovecot(() => new Promise(() => {}));
  expect(await of.report(FAILURE)).toEqual({ status: 0, msg: '' });
});

test('who is banned is refused without asking the filters, unless an exception lifts it', async () => {
  const { of, stub, lists } = dovecot();
  await lists.add('ban', { kind: 'ip', ip: '127.0.0.1' }, 'too many failures');
  expect(await of.allow(ALLOW, NEVER)).toEqual({ status: -1, msg: 'Login refused' });
  expect(stub.calls).toEqual([]);
  await lists.add('allow', { kind: 'login', login: 'alice' }, 'the boss');
  expect(await of.allow(ALLOW, NEVER)).toEqual({ status: 0, msg: '' });
});

test('a store that fails leaves it to the filters', async () => {
  const stub = stubGate();
  const { log, lines } = logLines();
  const store = new MemoryStore();
  await store.close();
  const policy = new LoginPolicy({ gate: stub.gate, log, lists: new Lists(store) });
  const attempt = { login: 'ann', client: {}, protocol: 'imap', attributes: {} };
  expect((await policy.attempt(attempt, {})).verdict).toEqual({ kind: 'continue' });
  expect(lines).toMatchObject([{ level: 'error' }]);
});

test('the filters are not asked on behalf of a Dovecot that has gone away already', async () => {
  const { of, stub } = dovecot();
  expect(await of.allow(ALLOW, AbortSignal.abort())).toBeUndefined();
  expect(stub.calls).toEqual([]);
});
