import { AgingMap } from '../../src/auth/aging-map.ts';
import { LoginSessions } from '../../src/auth/login-sessions.ts';
import { Tarpits } from '../../src/auth/tarpits.ts';
import { logLines, stubGate } from './stub-gate.ts';

function sessionsOf(more: { sessions?: number } = {}) {
  let now = 0;
  const { gate, ended } = stubGate();
  const { log, lines } = logLines();
  const sessions = new LoginSessions({
    gate,
    log,
    silentMs: 3_600_000,
    sessions: 100,
    now: () => now,
    sweepEveryMs: 0,
    ...more,
  });
  return {
    sessions,
    ended,
    lines,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test('what an attempt holds is the same before and after the check, and ends with its failure', () => {
  const { sessions, ended } = sessionsOf();
  const owner = sessions.owner('s');
  expect(sessions.owner('s')).toBe(owner);
  sessions.failed('s');
  expect(ended).toEqual([owner.id]);
  expect(owner.isClosed).toBe(true);
  expect(sessions.owner('s').id).not.toBe(owner.id);
});

test('after a success it is held until the session ends, whatever else fails meanwhile', () => {
  const { sessions, ended } = sessionsOf();
  const owner = sessions.owner('s');
  sessions.succeeded('s');
  sessions.failed('s');
  expect(sessions.owner('s')).toBe(owner);
  expect(ended).toEqual([]);
  sessions.ended('s');
  sessions.ended('s');
  expect(ended).toEqual([owner.id]);
  expect(sessions.size).toBe(0);
});

test('an attempt without a report ends after a while, a session when it is silent for long', () => {
  const { sessions, ended, pass } = sessionsOf();
  const attempt = sessions.owner('attempt');
  const session = sessions.owner('session');
  sessions.succeeded('session');
  pass(200_000);
  sessions.owner('other');
  expect(ended).toEqual([attempt.id]);
  pass(3_300_000);
  sessions.heard('session');
  pass(3_500_000);
  sessions.heard('nobody');
  expect(ended).not.toContain(session.id);
  pass(200_000);
  sessions.heard('session');
  expect(ended).toContain(session.id);
});

test('there is a limit to sessions, and a line about it', () => {
  const { sessions, ended, lines } = sessionsOf({ sessions: 2 });
  const owners = ['a', 'b', 'c'].map((session) => {
    const owner = sessions.owner(session);
    sessions.succeeded(session);
    return owner;
  });
  expect(ended).toEqual([owners[0]!.id]);
  expect(lines).toMatchObject([{ level: 'warn', fields: { sessions: 2 } }]);
});

test('the end of the server gives all back', () => {
  const { sessions, ended } = sessionsOf();
  sessions.owner('a');
  sessions.owner('b');
  sessions.succeeded('b');
  sessions.close();
  expect(ended).toHaveLength(2);
});

test('an aging map forgets by age from the last touch', () => {
  let now = 0;
  const map = new AgingMap<number>({ ageMs: 10, limit: 10, now: () => now });
  map.set('a', 1);
  map.set('b', 2);
  now = 8;
  map.touch('a');
  now = 12;
  expect([map.get('a'), map.get('b'), map.size]).toEqual([1, undefined, 1]);
});

test('tarpits are whole seconds, capped, and limited in number', () => {
  let now = 0;
  let full = 0;
  const tarpits = new Tarpits({
    delayMs: 5000,
    tarpits: 2,
    now: () => now,
    full: () => {
      full += 1;
    },
  });
  expect([tarpits.take(0), tarpits.take(1200), tarpits.take(60_000), tarpits.take(1000)]).toEqual([
    0, 2, 5, 0,
  ]);
  expect(full).toBe(1);
  now = 2001;
  expect(tarpits.take(1000)).toBe(1);
});
