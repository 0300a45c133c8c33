/** Dialogues: messages and connections that end early. */

import type { Verdict } from '../../src/policy/verdict.ts';
import { abort, connect, Dialogue, eom, helo, hold, mail, quit, rcpt } from './dialogue.ts';
import { type Answer, filter } from './fake-engine.ts';

const REJECT: Verdict = { kind: 'reject' };

describe('abort', () => {
  const phases = filter(['mail', 'eom', 'abort', 'close']);

  test('comes once, however often the MTA says it', async () => {
    const dialogue = await new Dialogue([phases]).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(abort, mail, abort, abort)).toEqual(['continue']);
    expect(dialogue.filters.count('abort')).toBe(1);
    expect(dialogue.filters.diary.slice(-2)).toEqual(['call abort', 'endMessage']);
  });

  test('does not come for a message that ended', async () => {
    const dialogue = await new Dialogue([phases]).negotiated();
    await dialogue.say(mail, rcpt(), eom, abort, abort);
    expect(dialogue.filters.count('abort')).toBe(0);
  });

  test('a new MAIL without ABORT implies it', async () => {
    const dialogue = await new Dialogue([phases]).negotiated();
    await dialogue.say(mail, rcpt(), mail, rcpt(), eom);
    expect(dialogue.filters.calls.map(({ phase }) => phase)).toEqual([
      'mail',
      'abort',
      'mail',
      'eom',
    ]);
  });

  test('Postfix says HELO, then ABORT, where a client says EHLO again', async () => {
    const dialogue = await new Dialogue([filter(['helo', 'mail', 'abort'])]).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(connect, helo, mail, helo, abort, mail)).toEqual([
      'continue',
      'continue',
      'continue',
      'continue',
    ]);
    expect(dialogue.filters.calls.map(({ phase }) => phase)).toEqual([
      'helo',
      'mail',
      'abort',
      'helo',
      'mail',
    ]);
  });

  test('QUIT in a message: abort, then close, each once', async () => {
    const dialogue = await new Dialogue([phases]).negotiated();
    await dialogue.say(mail, quit);
    dialogue.session.vanish();
    dialogue.session.vanish();
    await dialogue.heard();
    expect(dialogue.closed).toEqual(['quit']);
    expect(dialogue.filters.calls.map(({ phase }) => phase)).toEqual(['mail', 'abort', 'close']);
    expect(dialogue.filters.diary.at(-1)).toBe('close');
  });

  test('what still runs is not cut short by QUIT', async () => {
    const held = hold<Answer>();
    let finished = false;
    const dialogue = await new Dialogue([filter(['mail', 'abort'])], async (call) => {
      if (call.phase !== 'abort') return undefined;
      await held.promise;
      finished = true;
      return undefined;
    }).negotiated();
    await dialogue.say(mail, quit);
    expect(dialogue.filters.isClosed).toBe(false);
    held.release(undefined);
    await dialogue.heard();
    expect(finished).toBe(true);
    expect(dialogue.filters.isClosed).toBe(true);
  });

  test('close comes even if CONNECT never did, but not before OPTNEG', async () => {
    const dialogue = await new Dialogue([phases]).negotiated();
    dialogue.session.vanish();
    await dialogue.heard();
    expect(dialogue.filters.calls).toEqual([{ phase: 'close' }]);
    const silent = new Dialogue([phases]);
    silent.session.vanish();
    expect(silent.engine.sessions).toEqual([]);
  });
});

describe('while a filter works', () => {
  test('commands queue and are answered in order', async () => {
    const held = hold<Answer>();
    const dialogue = await new Dialogue([filter(['connect', 'helo', 'mail'])], (call) =>
      call.phase === 'connect' ? held.promise : call.phase === 'mail' ? REJECT : undefined,
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(connect, helo, mail)).toEqual([]);
    expect(dialogue.session.backlog).toBe(2);
    expect(dialogue.session.isWaiting).toBe(true);
    held.release(undefined);
    expect(await dialogue.heard()).toEqual(['continue', 'continue', 'reject']);
    expect(dialogue.session.backlog).toBe(0);
  });

  test('a client that vanishes: calls are cancelled, then abort and close, and no reply', async () => {
    const held = hold<Answer>();
    const dialogue = await new Dialogue([filter(['eom', 'abort', 'close'])], (call) =>
      call.phase === 'eom' ? held.promise : undefined,
    ).negotiated();
    await dialogue.heard();
    await dialogue.say(mail, rcpt(), eom, abort, quit);
    dialogue.session.vanish();
    held.release(REJECT);
    expect(await dialogue.heard()).toEqual([]);
    expect(dialogue.filters.diary.slice(3)).toEqual([
      'cancel',
      'call abort',
      'endMessage',
      'call close',
      'close',
    ]);
    expect(dialogue.timers.size).toBe(0);
  });
});
