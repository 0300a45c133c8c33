/** Dialogues: the connection. */

import type { Verdict } from '../../src/policy/verdict.ts';
import {
  abort,
  body,
  connect,
  Dialogue,
  data,
  eoh,
  eom,
  header,
  helo,
  macro,
  mail,
  quit,
  quitNc,
  rcpt,
  says,
} from './dialogue.ts';
import { filter } from './fake-engine.ts';

const REJECT: Verdict = { kind: 'reject' };
const ACCEPT: Verdict = { kind: 'accept' };

describe('negotiation', () => {
  test('is answered, and what nobody handles is switched off', async () => {
    const dialogue = new Dialogue([filter(['rcpt'])]);
    expect(
      await dialogue.say({ kind: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff }),
    ).toEqual(['optneg']);
    expect(dialogue.lastWrite).toMatchObject([{ version: 6, actions: 0 }]);
  });

  test('an old version is refused', async () => {
    const dialogue = new Dialogue([filter(['rcpt'])]);
    expect(await dialogue.say({ kind: 'optneg', version: 1, actions: 0, protocol: 0 })).toEqual([]);
    expect(dialogue.closed).toEqual(['refused']);
    expect(dialogue.engine.sessions).toEqual([]);
  });

  test('a command before it ends the connection', async () => {
    const dialogue = new Dialogue([filter(['connect'])]);
    await dialogue.say(connect);
    expect(dialogue.closed).toEqual(['violation']);
    expect(dialogue.log.lines).toMatchObject([
      { level: 'warn', fields: { command: 'connect', error: 'CONNECT before OPTNEG' } },
    ]);
  });

  test('again in the middle of a session ends the connection', async () => {
    const dialogue = await new Dialogue([filter(['connect'])]).negotiated();
    await dialogue.say(connect);
    await dialogue.negotiated();
    expect(dialogue.closed).toEqual(['violation']);
  });
});

describe('connect and helo', () => {
  test('wait for the verdict', async () => {
    const dialogue = await new Dialogue(
      [filter(['connect', 'helo'])],
      says({ helo: { kind: 'reject', reply: { code: 550, enhanced: '5.7.1', lines: ['No'] } } }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(connect)).toEqual(['continue']);
    expect(await dialogue.say(helo)).toEqual(['replycode']);
    expect(dialogue.lastWrite).toEqual([{ kind: 'replycode', text: '550 5.7.1 No' }]);
  });

  test('are learnt without a reply where nobody handles them', async () => {
    const dialogue = await new Dialogue([filter(['mail'])]).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(connect, helo)).toEqual([]);
    expect(await dialogue.say(mail)).toEqual(['continue']);
    expect(dialogue.filters.facts).toMatchObject([
      { f: 'connect', address: '192.0.2.7', hostname: 'mx.example.org', family: 'inet', port: 25 },
      { f: 'helo', name: 'mx.example.org' },
      { f: 'mail', address: '<a@example.org>', args: ['SIZE=100'] },
    ]);
  });

  test('a verdict there is repeated to an MTA that goes on', async () => {
    const dialogue = await new Dialogue(
      [filter(['connect', 'mail', 'eom', 'close'])],
      says({ connect: REJECT }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(connect)).toEqual(['reject']);
    expect(await dialogue.say(helo, mail, eom)).toEqual(['reject', 'reject']);
    expect(dialogue.filters.count('mail')).toBe(0);
    await dialogue.say(quit);
    expect(dialogue.filters.diary.slice(-2)).toEqual(['call close', 'close']);
  });

  test('after accept an MTA that goes on may go on', async () => {
    const dialogue = await new Dialogue(
      [filter(['connect', 'mail', 'eom'])],
      says({ connect: ACCEPT }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(connect)).toEqual(['accept']);
    expect(await dialogue.say(mail, eom)).toEqual(['continue', 'continue']);
  });

  test('a CONNECT after a verdict at HELO is heard by nobody, the next one is another client', async () => {
    const dialogue = await new Dialogue(
      [filter(['connect', 'helo'])],
      says({ helo: REJECT }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(helo, connect, connect)).toEqual(['reject', 'reject', 'continue']);
    expect(dialogue.engine.sessions).toHaveLength(2);
  });

  test('a second CONNECT without QUIT_NC is another client', async () => {
    const dialogue = await new Dialogue([filter(['connect', 'close'])]).negotiated();
    await dialogue.say(connect, connect);
    expect(dialogue.engine.sessions).toHaveLength(2);
    expect(dialogue.engine.sessions[0]!.count('close')).toBe(1);
    expect(dialogue.engine.sessions[0]!.isClosed).toBe(true);
    expect(dialogue.log.lines).toHaveLength(1);
  });
});

describe('a command that makes no sense', () => {
  test.each([
    ['RCPT', rcpt()],
    ['HEADER', header()],
    ['BODY', body()],
    ['BODYEOB', eom],
  ])('%s without MAIL ends the connection, with a line that says so', async (_name, command) => {
    const dialogue = await new Dialogue([filter(['eom', 'close'])]).negotiated();
    await dialogue.say(connect, macro('C', { i: 'q1' }), command);
    expect(dialogue.closed).toEqual(['violation']);
    expect(dialogue.filters.count('close')).toBe(1);
    expect(dialogue.log.lines).toMatchObject([
      {
        level: 'warn',
        fields: { session: 's1', client: '192.0.2.7', code: 'ERR_PROTOCOL_VIOLATION' },
      },
    ]);
  });

  test('where nobody cares, it is answered', async () => {
    const dialogue = await new Dialogue([filter(['connect'])]).negotiated();
    await dialogue.say(connect);
    await dialogue.heard();
    expect(await dialogue.say(rcpt(), data, header(), eoh, body(), eom, abort, abort)).toEqual([
      'continue',
      'continue',
      'continue',
      'continue',
      'continue',
      'continue',
    ]);
    expect(dialogue.closed).toEqual([]);
  });

  test('nothing is heard after the end', async () => {
    const dialogue = await new Dialogue([filter(['connect', 'close'])]).negotiated();
    await dialogue.say(quit);
    await dialogue.heard();
    expect(await dialogue.say(connect, mail)).toEqual([]);
    expect(dialogue.filters.calls).toEqual([{ phase: 'close' }]);
  });
});

describe('QUIT_NC', () => {
  test('ends the SMTP connection and keeps the agreement', async () => {
    const dialogue = await new Dialogue([filter(['connect', 'mail', 'close'])]).negotiated();
    await dialogue.heard();
    expect(
      await dialogue.say(macro('C', { j: 'one' }), connect, mail, quitNc, connect, mail),
    ).toEqual(['continue', 'continue', 'continue', 'continue']);
    const [first, second] = dialogue.engine.sessions;
    expect(first!.diary.slice(-3)).toEqual(['endMessage', 'call close', 'close']);
    expect(second!.facts.map(({ f }) => f)).toEqual(['connect', 'mail']);
  });

  test('a new negotiation may follow', async () => {
    const dialogue = await new Dialogue([filter(['connect', 'close'])]).negotiated();
    await dialogue.say(connect, quitNc);
    await dialogue.negotiated();
    await dialogue.say(connect, quit);
    expect(dialogue.engine.sessions.map((session) => session.count('close'))).toEqual([1, 1]);
    expect(dialogue.closed).toEqual(['quit']);
  });

  test('nothing follows: close is not called again', async () => {
    const dialogue = await new Dialogue([filter(['connect', 'close'])]).negotiated();
    await dialogue.say(connect, quitNc);
    dialogue.session.vanish();
    await dialogue.heard();
    expect(dialogue.engine.sessions).toHaveLength(1);
    expect(dialogue.filters.count('close')).toBe(1);
  });
});
