/** Dialogues: what filters change in a message, and what is too much. */

import { SMFI_V2_ACTS, SMFI_V2_PROT } from 'net-milter-codec';
import type { Verdict } from '../../src/policy/verdict.ts';
import {
  abort,
  body,
  connect,
  Dialogue,
  eom,
  header,
  macro,
  mail,
  rcpt,
  says,
} from './dialogue.ts';
import { filter } from './fake-engine.ts';

const REJECT: Verdict = { kind: 'reject' };

describe('modifications', () => {
  const add = { kind: 'addHeader', name: 'X-A', value: { text: 'b' } } as const;

  test('leave with the final reply in one write', async () => {
    const dialogue = await new Dialogue(
      [filter(['eom'])],
      says({ eom: { modifications: [add] } }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), header(), eom)).toEqual(['addheader+continue']);
    expect(dialogue.lastWrite[0]).toEqual({ kind: 'addheader', name: 'X-A', value: ' b' });
  });

  test('of a refused message are not sent', async () => {
    const dialogue = await new Dialogue(
      [filter(['eom'])],
      says({ eom: { verdict: REJECT, modifications: [add] } }),
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), eom)).toEqual(['reject']);
  });

  test.each([
    ['tempfail', 'tempfail'],
    ['accept', 'accept'],
    ['reject', 'reject'],
    ['continue', 'continue'],
  ] as const)(
    'that cannot be made: onError %s of the filter that asked',
    async (onError, reply) => {
      const dialogue = await new Dialogue(
        [filter(['eom'], {}, 'good'), filter(['eom'], { onError }, 'bad')],
        says({
          eom: {
            modifications: [add, { kind: 'addHeader', name: 'X A', value: { text: 'b' } }],
            modifiedBy: [0, 1],
          },
        }),
      ).negotiated();
      await dialogue.heard();
      expect(await dialogue.say(connect, mail, rcpt(), macro('E', { i: 'q7' }), eom)).toEqual([
        reply,
      ]);
      expect(dialogue.log.lines).toMatchObject([
        {
          level: 'error',
          fields: {
            filter: 'bad',
            queueId: 'q7',
            phase: 'eom',
            code: 'ERR_MODIFICATION_HEADER_NAME',
          },
        },
      ]);
    },
  );

  test('on Postfix a header goes between two others', async () => {
    const insert = { kind: 'insertHeader', index: 2, name: 'X-A', value: { text: 'b' } } as const;
    for (const [v, expected] of [
      ['Postfix 3.7.11', 'insheader+continue'],
      ['8.17.1', 'chgheader+addheader+insheader+continue'],
    ] as const) {
      const dialogue = await new Dialogue(
        [filter(['eom'])],
        says({ eom: { modifications: [insert] } }),
      ).negotiated();
      await dialogue.heard();
      await dialogue.say(macro('C', { v }), connect);
      expect(await dialogue.say(mail, rcpt(), header('A', ' 1'), header('B', ' 2'), eom)).toEqual([
        expected,
      ]);
    }
  });
});

describe('limits', () => {
  test.each([
    ['headers', [header(), header(), header()], { headers: 2 }],
    ['headerBytes', [header('A', ' '.repeat(200))], { headerBytes: 100 }],
    ['message', [header(), body('x'.repeat(200))], { messageBytes: 100 }],
  ] as const)('%s: the message is put off', async (name, commands, limits) => {
    const dialogue = await new Dialogue(
      [filter(['body', 'eom', 'abort'])],
      undefined,
      limits,
    ).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), ...commands, body('more'))).toEqual(['continue']);
    expect(await dialogue.say(eom, abort)).toEqual(['replycode']);
    expect(dialogue.lastWrite).toMatchObject([{ text: expect.stringMatching(/^452 4\.3\.4 /) }]);
    expect(dialogue.filters.count('eom')).toBe(0);
    expect(dialogue.filters.host.body()).toHaveLength(0);
    expect(dialogue.log.lines).toMatchObject([
      { level: 'warn', fields: { limit: `limits.${name}` } },
    ]);
    // The next message is not concerned.
    expect(await dialogue.say(mail, rcpt(), eom)).toEqual(['continue', 'continue']);
  });

  test('message: what is not kept does not count', async () => {
    const dialogue = await new Dialogue(
      [filter(['eom'], { body: { kind: 'first', bytes: 10 } })],
      undefined,
      { messageBytes: 100 },
    ).negotiated(SMFI_V2_PROT, 2, SMFI_V2_ACTS);
    await dialogue.heard();
    await dialogue.say(mail, rcpt(), body('x'.repeat(50)), body('x'.repeat(500)));
    expect((await dialogue.say(eom)).at(-1)).toBe('continue');
    expect(dialogue.log.lines).toEqual([]);
  });

  test('recipients: the one too many is put off, where the MTA waits for an answer', async () => {
    const dialogue = await new Dialogue([filter(['rcpt', 'eom'])], undefined, {
      recipients: 1,
    }).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), rcpt(), eom)).toEqual([
      'continue',
      'replycode',
      'continue',
    ]);
    expect(dialogue.filters.count('rcpt')).toBe(1);
  });

  test('recipients: else the message', async () => {
    const dialogue = await new Dialogue([filter(['eom'])], undefined, {
      recipients: 1,
    }).negotiated();
    await dialogue.heard();
    expect(await dialogue.say(mail, rcpt(), rcpt(), eom)).toEqual(['replycode']);
  });
});
