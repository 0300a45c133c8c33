import { Background } from '../../src/auth/background.ts';
import { Events } from '../../src/auth/events.ts';
import { LoginSessions } from '../../src/auth/login-sessions.ts';
import { dovecotSample } from './samples.ts';
import { logLines, type StubGate, stubGate } from './stub-gate.ts';

function events(answer?: StubGate['answer'], waiting = 10) {
  const stub = stubGate(answer);
  const { log, lines } = logLines();
  const sessions = new LoginSessions({
    gate: stub.gate,
    log,
    silentMs: 1e6,
    sessions: 10,
    sweepEveryMs: 0,
  });
  return {
    of: new Events({ gate: stub.gate, sessions, log, background: new Background(), waiting }),
    stub,
    sessions,
    lines,
  };
}

test('an event goes to the filters with its name, times and fields', () => {
  const { of, stub } = events();
  of.take(dovecotSample('event-imap-command'));
  expect(stub.calls).toMatchObject([
    {
      phase: 'event',
      event: {
        name: 'imap_command_finished',
        start: '2026-11-20T16:48:58.097363Z',
        end: '2026-11-20T16:48:58.099011Z',
        fields: { cmd_name: 'FETCH', bytes_out: 934 },
      },
    },
  ]);
});

test('the end of a session frees what it held, another event does not', () => {
  const { of, stub, sessions } = events();
  const { id } = sessions.owner('q2QN9Ldg1tp/AAAB');
  sessions.succeeded('q2QN9Ldg1tp/AAAB');
  of.take(dovecotSample('event-imap-command'));
  expect(stub.ended).toEqual([]);
  of.take(dovecotSample('event-session-finished'));
  expect(stub.ended).toEqual([id]);
});

test('a login that was given up frees what it held', () => {
  const { of, stub, sessions } = events();
  sessions.owner('s');
  of.take({ event: 'login_aborted', fields: { session: 's', reason: 'auth_failed' } });
  expect(stub.ended).toHaveLength(1);
});

test('when filters are behind, events are dropped with a line', () => {
  const { of, stub, lines } = events(() => new Promise(() => {}), 2);
  for (let n = 0; n < 3; n++) of.take({ event: 'x' });
  expect(stub.calls).toHaveLength(2);
  expect(lines).toMatchObject([{ level: 'warn' }]);
});

test('what has no name is no event', () => {
  expect(() => events().of.take({ fields: {} })).toThrow("'event'");
});
