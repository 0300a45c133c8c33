/** Dialogues: old MTAs, observers, and verdicts of other kinds. */

import { SMFI_V2_ACTS, SMFI_V2_PROT } from 'net-milter-codec';
import type { Verdict } from '../../src/policy/verdict.ts';
import {
  body,
  connect,
  Dialogue,
  eoh,
  eom,
  header,
  helo,
  hold,
  mail,
  rcpt,
  says,
  unknown,
} from './dialogue.ts';
import { type Answer, filter } from './fake-engine.ts';

const REJECT: Verdict = { kind: 'reject' };

describe('an old MTA', () => {
  test('gets CONTINUE at once where it cannot be told not to wait', async () => {
    const dialogue = await new Dialogue(
      [filter(['header', 'eom'])],
      says({ header: REJECT }),
    ).negotiated(SMFI_V2_PROT, 2, SMFI_V2_ACTS);
    await dialogue.heard();
    expect(await dialogue.say(connect, helo, mail, rcpt(), header('A', 'b'), eoh, body())).toEqual(
      Array(7).fill('continue'),
    );
    expect(await dialogue.say(eom)).toEqual(['reject']);
    // Without HDR_LEADSPC the MTA takes a space off.
    expect(dialogue.filters.facts.at(-1)).toMatchObject({ f: 'headers', block: 'A\0 b\0' });
  });

  test('gets CONTINUE for what nobody handles', async () => {
    const dialogue = await new Dialogue([filter(['connect'])]).negotiated(0x3f, 2, 0xf);
    await dialogue.heard();
    expect(await dialogue.say(connect, eoh, unknown, eom)).toEqual(Array(4).fill('continue'));
  });
});

describe('other verdicts', () => {
  test('a filter that observes is not waited for', async () => {
    const held = hold<Answer>();
    const dialogue = await new Dialogue(
      [filter(['mail', 'rcpt'], { mode: 'observe' })],
      () => held.promise,
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt())).toEqual([]);
    expect(dialogue.filters.diary).toEqual([
      'learn mail',
      'call mail',
      'call rcpt',
      'learn recipient',
    ]);
    expect(dialogue.session.backlog).toBe(2);
    held.release(undefined);
    await dialogue.heard();
    expect(dialogue.session.backlog).toBe(0);
  });

  test('unknown concerns that command alone', async () => {
    const dialogue = await new Dialogue(
      [filter(['unknown', 'mail'])],
      says({ unknown: REJECT }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(connect, unknown, mail)).toEqual(['reject', 'continue']);
    expect(dialogue.filters.calls[0]).toEqual({ phase: 'unknown', command: 'XYZZY' });
  });

  test('bytes that are not UTF-8 arrive as Latin-1', async () => {
    const dialogue = await new Dialogue([filter(['rcpt'])]).negotiated();
    await dialogue.say(mail, rcpt('<caf\xe9@example.com>'), rcpt('<caf\xc3\xa9@example.com>'));
    expect(dialogue.filters.calls).toMatchObject([
      { address: '<café@example.com>' },
      { address: '<café@example.com>' },
    ]);
  });

  test('an engine that breaks its word closes one connection, with a line', async () => {
    const dialogue = await new Dialogue([filter(['mail'])], () =>
      Promise.reject(new Error('broken')),
    ).negotiated();
    dialogue.filters.call = () => Promise.reject(new Error('broken'));
    await dialogue.say(mail);
    expect(dialogue.closed).toEqual(['defect']);
    expect(dialogue.log.lines).toMatchObject([{ level: 'error', fields: { error: 'broken' } }]);
  });
});
