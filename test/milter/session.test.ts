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
  macro,
  mail,
  quit,
  quitNc,
  rcpt,
  unknown,
} from './dialogue.ts';
import { type Answer, filter } from './fake-engine.ts';

const REJECT: Verdict = { kind: 'reject' };
const ACCEPT: Verdict = { kind: 'accept' };

/** Answers by phase. */
const says = (answers: Record<string, Answer>) => (call: { phase: string }) => answers[call.phase];

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

  test('a second CONNECT without QUIT_NC is another client', async () => {
    const dialogue = await new Dialogue([filter(['connect', 'close'])]).negotiated();
    await dialogue.say(connect, connect);
    expect(dialogue.engine.sessions).toHaveLength(2);
    expect(dialogue.engine.sessions[0]!.count('close')).toBe(1);
    expect(dialogue.engine.sessions[0]!.isClosed).toBe(true);
    expect(dialogue.log.lines).toHaveLength(1);
  });
});

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
    expect(await dialogue.say(mail, rcpt())).toEqual([kind]);
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
    expect(await dialogue.say(mail, rcpt(), ...commands, body('more'))).toEqual([]);
    expect(await dialogue.say(eom, abort)).toEqual(['replycode']);
    expect(dialogue.lastWrite).toMatchObject([{ text: expect.stringMatching(/^452 4\.3\.4 /) }]);
    expect(dialogue.filters.count('eom')).toBe(0);
    expect(dialogue.filters.host.body()).toHaveLength(0);
    expect(dialogue.log.lines).toMatchObject([
      { level: 'warn', fields: { limit: `limits.${name}` } },
    ]);
    // The next message is not concerned.
    expect(await dialogue.say(mail, rcpt(), eom)).toEqual(['continue']);
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

describe('macros', () => {
  test('come with the command that they belong to', async () => {
    const dialogue = await new Dialogue([filter(['mail', 'rcpt', 'eom'])]).negotiated();
    await dialogue.say(
      macro('C', { j: 'mta', '{daemon_name}': 'd' }),
      connect,
      macro('M', { '{auth_type}': 'PLAIN' }),
      mail,
      macro('R', { '{rcpt_addr}': 'b@example.com' }),
      rcpt(),
      rcpt('<c@example.com>'),
      macro('L', { i: 'ignored' }),
      macro('E', { i: 'q1' }),
      eom,
    );
    expect(dialogue.filters.facts.filter(({ f }) => f === 'macros')).toEqual([
      { f: 'macros', stage: 'connect', values: { j: 'mta', daemon_name: 'd' } },
      { f: 'macros', stage: 'mail', values: { auth_type: 'PLAIN' } },
      { f: 'macros', stage: 'rcpt', values: { rcpt_addr: 'b@example.com' } },
      // The second recipient came without any: those of the first are not its own.
      { f: 'macros', stage: 'rcpt', values: {} },
      { f: 'macros', stage: 'eom', values: { i: 'q1' } },
    ]);
  });

  test('for commands that are not sent come with the next one that is', async () => {
    const dialogue = await new Dialogue([filter(['rcpt'])]).negotiated();
    await dialogue.say(macro('C', { j: 'mta' }), macro('H', { tls_version: '1.3' }), mail);
    expect(dialogue.filters.diary.slice(0, 3)).toEqual([
      'learn macros',
      'learn macros',
      'learn mail',
    ]);
  });

  test('of a new message survive the end of the one before', async () => {
    const dialogue = await new Dialogue([filter(['mail', 'abort'])]).negotiated();
    await dialogue.say(macro('M', { i: 'one' }), mail, macro('M', { i: 'two' }), mail);
    expect(dialogue.filters.diary).toEqual([
      'learn macros',
      'learn mail',
      'call mail',
      'call abort',
      'endMessage',
      'learn macros',
      'learn mail',
      'call mail',
    ]);
    expect(dialogue.filters.host.queueId()).toBe('two');
  });

  test('of an aborted message are forgotten, those of the connection are not', async () => {
    const dialogue = await new Dialogue([filter(['mail', 'data', 'abort'])]).negotiated();
    await dialogue.say(
      macro('C', { v: 'Postfix', i: 'no' }),
      connect,
      macro('M', { i: 'one' }),
      mail,
    );
    await dialogue.say(macro('T', { i: 'unused' }), abort);
    expect(dialogue.filters.host.queueId()).toBe('no');
    await dialogue.say(mail);
    expect(dialogue.filters.facts.filter(({ f }) => f === 'macros')).toHaveLength(2);
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
