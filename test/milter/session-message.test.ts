/** Dialogues: one message from MAIL to its end. */

import { SMFI_V2_ACTS, SMFI_V2_PROT } from 'net-milter-codec';
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
  hold,
  mail,
  rcpt,
  says,
} from './dialogue.ts';
import { type Answer, filter } from './fake-engine.ts';

const REJECT: Verdict = { kind: 'reject' };

describe('a message', () => {
  test('reaches the filters in order and ends with one reply', async () => {
    const dialogue = await new Dialogue([filter(['eom'])]).negotiated();
    await dialogue.heard();
    expect(
      await dialogue.say(
        connect,
        helo,
        mail,
        rcpt(),
        rcpt('<c@example.com>'),
        data,
        header(),
        eoh,
        body(),
        eom,
      ),
    ).toEqual(['continue', 'continue', 'continue']);
    // DATA and EOH were switched off, but came: they are answered and forgotten.
    expect(dialogue.filters.diary).toEqual([
      'learn connect',
      'learn helo',
      'learn mail',
      'learn recipient',
      'learn recipient',
      'learn headers',
      'call eom',
      'endMessage',
    ]);
    expect(dialogue.filters.calls).toEqual([
      { phase: 'eom', size: 'Subject: hello\r\n\r\ntext\r\n'.length },
    ]);
  });

  test('headers cross together, with encoded words decoded', async () => {
    const dialogue = await new Dialogue([filter(['header', 'eoh'])]).negotiated();
    await dialogue.say(
      mail,
      rcpt(),
      header(),
      header('From', ' =?utf-8?Q?J=C3=BCrgen?= <j@example.org>'),
      eoh,
      eom,
    );
    expect(dialogue.filters.facts.at(-1)).toEqual({
      f: 'headers',
      block: 'Subject\0 hello\0From\0 =?utf-8?Q?J=C3=BCrgen?= <j@example.org>\0',
      decoded: { 1: 'Jürgen <j@example.org>' },
    });
    expect(dialogue.filters.calls).toEqual([{ phase: 'header', from: 0, to: 2 }, { phase: 'eoh' }]);
  });

  test('without EOH the body or the end brings the headers', async () => {
    for (const next of [body(), eom]) {
      const dialogue = await new Dialogue([filter(['header', 'body', 'eom'])]).negotiated();
      await dialogue.say(mail, rcpt(), header(), next);
      expect(dialogue.filters.calls[0]).toEqual({ phase: 'header', from: 0, to: 1 });
    }
  });

  test('a verdict at a header is given at the end, and eom is not asked', async () => {
    const dialogue = await new Dialogue(
      [filter(['header', 'body', 'eom'])],
      says({ header: REJECT }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), header(), body())).toEqual([]);
    expect(await dialogue.say(eom)).toEqual(['reject']);
    expect(dialogue.filters.count('eom')).toBe(0);
    expect(dialogue.filters.diary.at(-1)).toBe('endMessage');
  });

  test('the end waits for the verdict of the last body call', async () => {
    const held = hold<Answer>();
    const dialogue = await new Dialogue([filter(['body'])], (call) =>
      call.phase === 'body' ? held.promise : undefined,
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), body(), eom)).toEqual([]);
    held.release({ kind: 'tempfail' });
    expect(await dialogue.heard()).toEqual(['tempfail']);
  });

  test('a refused recipient is none; the others are', async () => {
    const dialogue = await new Dialogue([filter(['rcpt', 'eom'])], (call) =>
      call.phase === 'rcpt' && call.address === '<no@example.com>' ? REJECT : undefined,
    ).negotiated();
    await dialogue.heard();
    expect(
      await dialogue.say(mail, rcpt('<no@example.com>'), rcpt('<yes@example.com>'), eom),
    ).toEqual(['reject', 'continue', 'continue']);
    expect(dialogue.filters.facts.filter(({ f }) => f === 'recipient')).toEqual([
      { f: 'recipient', address: '<yes@example.com>', args: [] },
    ]);
  });

  test.each(['accept', 'discard'] as const)('%s at a recipient ends it', async (kind) => {
    const dialogue = await new Dialogue(
      [filter(['rcpt', 'data', 'eom', 'abort'])],
      says({ rcpt: { kind } }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt())).toEqual(['continue', kind]);
    expect(dialogue.filters.diary.at(-1)).toBe('endMessage');
    // What follows all the same: answered where an answer is due, else dropped.
    expect(await dialogue.say(rcpt(), data, header(), body(), eom, abort)).toEqual([
      'continue',
      'continue',
      kind,
    ]);
    expect(dialogue.filters.calls.map(({ phase }) => phase)).toEqual(['rcpt']);
  });

  test('a verdict at MAIL ends it; the next MAIL begins another', async () => {
    let verdict: Verdict = REJECT;
    const dialogue = await new Dialogue([filter(['mail', 'eom', 'abort'])], (call) =>
      call.phase === 'mail' ? verdict : undefined,
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail)).toEqual(['reject']);
    verdict = { kind: 'continue' };
    expect(await dialogue.say(mail, rcpt(), eom)).toEqual(['continue', 'continue']);
    expect(dialogue.filters.count('abort')).toBe(0);
  });

  test('a last piece of the body may come with its end', async () => {
    const dialogue = await new Dialogue([filter(['body', 'eom'])]).negotiated();
    await dialogue.say(mail, rcpt(), body('a'), { kind: 'bodyeob', chunk: Buffer.from('b') });
    expect(dialogue.filters.calls).toEqual([
      { phase: 'body', chunks: [Buffer.from('a')] },
      { phase: 'body', chunks: [Buffer.from('b')] },
      { phase: 'eom', size: 4 },
    ]);
  });

  test('the body is there for filters while it is under way', async () => {
    let seen = '';
    const dialogue = await new Dialogue([filter(['eom'])], (_call, session) => {
      seen = Buffer.from(session.host.body()).toString();
      return undefined;
    }).negotiated();
    await dialogue.say(mail, rcpt(), body('one '), body('two'), eom);
    expect(seen).toBe('one two');
    expect(dialogue.filters.host.body()).toHaveLength(0);
  });
});

describe('the body', () => {
  test('is cut short with SKIP once enough came', async () => {
    const dialogue = await new Dialogue([
      filter(['body', 'eom'], { body: { kind: 'first', bytes: 5 } }),
    ]).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), body('abc'), body('defg'), body('hij'))).toEqual([
      'continue',
      'skip',
      'skip',
    ]);
    expect(dialogue.filters.calls).toEqual([
      { phase: 'body', chunks: [Buffer.from('abc')] },
      { phase: 'body', chunks: [Buffer.from('de')] },
    ]);
  });

  test('SKIP is not said to an MTA that does not know it', async () => {
    const dialogue = await new Dialogue([
      filter(['body', 'eom'], { body: { kind: 'first', bytes: 2 } }),
    ]).negotiated(SMFI_V2_PROT, 2, SMFI_V2_ACTS);
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), body('abc'))).toEqual([
      'continue',
      'continue',
      'continue',
    ]);
  });

  test('a filter that skips is heard at the next chunk', async () => {
    const dialogue = await new Dialogue(
      [filter(['body', 'eom'], { body: { kind: 'first', bytes: 500 } })],
      says({ body: { kind: 'skip' } }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), body('abc'))).toEqual(['continue']);
    expect(await dialogue.say(body('abc'))).toEqual(['skip']);
    expect(await dialogue.say(eom)).toEqual(['continue']);
  });

  test('skip where nobody waits for a reply is no verdict about the message', async () => {
    const dialogue = await new Dialogue(
      [filter(['body', 'eom'])],
      says({ body: { kind: 'skip' } }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), body('abc'), body('abc'), eom)).toEqual(['continue']);
    expect(dialogue.filters.count('eom')).toBe(1);
  });
});
