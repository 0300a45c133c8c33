/** Dialogues: replies that take their time. */

import type { Verdict } from '../../src/policy/verdict.ts';
import { body, Dialogue, eom, header, hold, mail, rcpt, says } from './dialogue.ts';
import { type Answer, filter } from './fake-engine.ts';

const REJECT: Verdict = { kind: 'reject' };

describe('delay', () => {
  test('puts the reply off', async () => {
    const dialogue = await new Dialogue(
      [filter(['mail'])],
      says({ mail: { verdict: REJECT, delayMs: 3_000 } }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail)).toEqual([]);
    dialogue.timers.advance(2_999);
    expect(await dialogue.heard()).toEqual([]);
    dialogue.timers.advance(1);
    expect(await dialogue.heard()).toEqual(['reject']);
  });

  test('ends when the client vanishes', async () => {
    const dialogue = await new Dialogue(
      [filter(['mail'])],
      says({ mail: { delayMs: 3_000 } }),
    ).negotiated();
    await dialogue.say(mail);
    dialogue.session.vanish();
    expect(dialogue.writes).toHaveLength(1);
    expect(dialogue.timers.size).toBe(0);
  });

  test('of header and body handlers counts at the end, with PROGRESS meanwhile', async () => {
    const dialogue = await new Dialogue(
      [filter(['header', 'body', 'eom'])],
      says({ header: { delayMs: 4_000 }, body: { delayMs: 4_000 }, eom: { delayMs: 4_000 } }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), header(), body(), eom)).toEqual([]);
    dialogue.timers.advance(11_999);
    expect(await dialogue.heard()).toEqual(['progress', 'progress']);
    dialogue.timers.advance(1);
    expect(await dialogue.heard()).toEqual(['continue']);
    expect(dialogue.timers.size).toBe(0);
  });

  test('is capped as a whole', async () => {
    const dialogue = await new Dialogue(
      [filter(['body'])],
      says({ body: { delayMs: 25_000 } }),
    ).negotiated();
    await dialogue.heard();
    await dialogue.say(mail, rcpt(), body(), body(), body(), eom);
    dialogue.timers.advance(25_000);
    expect((await dialogue.heard()).at(-1)).toBe('continue');
  });
});

describe('PROGRESS', () => {
  test("goes out while the end takes long, and at a filter's wish, but not too often", async () => {
    const held = hold<Answer>();
    const dialogue = await new Dialogue([filter(['eom'])], (call) =>
      call.phase === 'eom' ? held.promise : undefined,
    ).negotiated();
    await dialogue.heard();
    await dialogue.say(mail, rcpt(), eom);
    dialogue.filters.host.progress();
    dialogue.filters.host.progress();
    expect(await dialogue.heard()).toEqual(['progress']);
    dialogue.timers.advance(1_000);
    dialogue.filters.host.progress();
    expect(await dialogue.heard()).toEqual(['progress']);
    dialogue.timers.advance(5_000);
    expect(await dialogue.heard()).toEqual(['progress']);
    held.release(undefined);
    expect(await dialogue.heard()).toEqual(['continue']);
    dialogue.filters.host.progress();
    dialogue.timers.advance(60_000);
    expect(await dialogue.heard()).toEqual([]);
  });

  test('never elsewhere', async () => {
    const held = hold<Answer>();
    const dialogue = await new Dialogue([filter(['mail'])], () => held.promise).negotiated();
    await dialogue.heard();
    await dialogue.say(mail);
    dialogue.filters.host.progress();
    dialogue.timers.advance(60_000);
    expect(await dialogue.heard()).toEqual([]);
  });
});
