import { type Reply, SMFI_CURR_ACTS, SMFIF } from 'net-milter-codec';
import { type ModifiedMessage, modificationReplies } from '../../src/milter/modifications.ts';
import type { Modification } from '../../src/policy/modification.ts';

const MESSAGE: ModifiedMessage = {
  headers: [{ name: 'Subject', raw: ' hello' }],
  recipients: ['<Bob@Example.com>', '<bob@example.net>', 'carol@example.org'],
  actions: SMFI_CURR_ACTS,
  leadingSpace: true,
  smtputf8: false,
  mta: 'postfix',
};

const made = (...modifications: Modification[]) => modificationReplies(modifications, MESSAGE);
const value = { text: 'v' };

test('packets come in the order envelope, headers, quarantine, body', () => {
  const kinds = made(
    { kind: 'replaceBody', body: 'new\r\n' },
    { kind: 'quarantine', reason: 'odd' },
    { kind: 'addHeader', name: 'X', value },
    { kind: 'deleteRecipient', address: 'bob@example.net' },
    { kind: 'addRecipient', address: 'new@example.com', args: [] },
    { kind: 'setSender', address: 'bounce@example.com', args: [] },
  ).map(({ kind }) => kind);
  expect(kinds).toEqual(['chgfrom', 'delrcpt', 'addrcpt', 'addheader', 'quarantine', 'replbody']);
});

describe('the sender', () => {
  test.each<[string, readonly string[], Reply]>([
    ['a@b.example', [], { kind: 'chgfrom', address: '<a@b.example>' }],
    ['<a@b.example>', [], { kind: 'chgfrom', address: '<a@b.example>' }],
    ['', [], { kind: 'chgfrom', address: '<>' }],
    ['<>', [], { kind: 'chgfrom', address: '<>' }],
    ['é@b.example', [], { kind: 'chgfrom', address: '<\xc3\xa9@b.example>' }],
    [
      'a@b.example',
      ['RET=HDRS', 'X'],
      { kind: 'chgfrom', address: '<a@b.example>', args: 'RET=HDRS X' },
    ],
  ])('%j %j', (address, args, reply) => {
    expect(made({ kind: 'setSender', address, args })).toEqual([reply]);
  });

  test('keeps arguments about delivery, which Sendmail forgets where it gets new ones', () => {
    const mailArgs = ['SIZE=1', 'BODY=8BITMIME', 'RET=FULL', 'ENVID=a+2Bb', 'AUTH=<>'];
    const change = (mta: 'postfix' | 'other', ...args: string[]) =>
      modificationReplies([{ kind: 'setSender', address: 'a@x', args }], {
        ...MESSAGE,
        mailArgs,
        mta,
      });
    const reply = { kind: 'chgfrom', address: '<a@x>' };
    expect(change('other', 'RET=HDRS')).toEqual([
      { ...reply, args: 'BODY=8BITMIME ENVID=a+2Bb RET=HDRS' },
    ]);
    // Without new ones it keeps the old.
    expect(change('other')).toEqual([reply]);
    expect(change('postfix', 'RET=HDRS')).toEqual([{ ...reply, args: 'RET=HDRS' }]);
  });

  test('of two, the last counts', () => {
    expect(
      made(
        { kind: 'setSender', address: 'a@x', args: [] },
        { kind: 'setSender', address: 'b@x', args: [] },
      ),
    ).toEqual([{ kind: 'chgfrom', address: '<b@x>' }]);
  });
});

describe('recipients', () => {
  test('with arguments take ADDRCPT_PAR', () => {
    expect(made({ kind: 'addRecipient', address: 'a@b', args: ['NOTIFY=NEVER'] })).toEqual([
      { kind: 'addrcptPar', address: '<a@b>', args: 'NOTIFY=NEVER' },
    ]);
  });

  test.each([
    ['Bob@Example.com', ['<Bob@Example.com>']],
    ['<Bob@example.COM>', ['<Bob@Example.com>']],
    // The local part is its host's own business.
    ['bob@Example.com', ['<bob@Example.com>']],
    ['bob@example.net', ['<bob@example.net>']],
    ['carol@example.org', ['carol@example.org']],
    ['nobody@example.org', ['<nobody@example.org>']],
  ])('delete %s', (address, expected) => {
    expect(made({ kind: 'deleteRecipient', address })).toEqual(
      expected.map((each) => ({ kind: 'delrcpt', address: each })),
    );
  });

  test('where one is written exactly so, only that one is deleted', () => {
    const recipients = ['<a@Example.com>', '<a@example.com>', '<a@example.com>'];
    const modification: Modification = { kind: 'deleteRecipient', address: 'a@example.com' };
    expect(modificationReplies([modification], { ...MESSAGE, recipients })).toEqual([
      { kind: 'delrcpt', address: '<a@example.com>' },
    ]);
    const other: Modification = { kind: 'deleteRecipient', address: 'a@EXAMPLE.com' };
    expect(modificationReplies([other], { ...MESSAGE, recipients })).toHaveLength(2);
  });

  test('a quoted local part may hold anything', () => {
    expect(made({ kind: 'addRecipient', address: '"a <b> c"@d', args: [] })).toEqual([
      { kind: 'addrcpt', address: '<"a <b> c"@d>' },
    ]);
  });
});

describe('the body', () => {
  test('is cut into chunks, contiguous', () => {
    const replies = made({ kind: 'replaceBody', body: 'x'.repeat(65_535 * 2 + 1) });
    expect(replies.map((reply) => reply.kind === 'replbody' && reply.chunk.length)).toEqual([
      65_535, 65_535, 1,
    ]);
  });

  test('an empty one is one empty packet', () => {
    expect(made({ kind: 'replaceBody', body: '' })).toEqual([
      { kind: 'replbody', chunk: Buffer.alloc(0) },
    ]);
  });

  test('of two, the last counts', () => {
    const replies = made(
      { kind: 'replaceBody', body: 'one' },
      { kind: 'replaceBody', body: 'two\xe9' },
    );
    expect(replies).toEqual([{ kind: 'replbody', chunk: Buffer.from('two\xe9', 'latin1') }]);
  });
});

test('reasons of a quarantine are told together', () => {
  expect(made({ kind: 'quarantine', reason: 'a' }, { kind: 'quarantine', reason: 'é' })).toEqual([
    { kind: 'quarantine', reason: 'a; \xc3\xa9' },
  ]);
});

describe('what cannot be is named', () => {
  const header = (name: string, text = 'v'): Modification => ({
    kind: 'addHeader',
    name,
    value: { text },
  });
  test.each<[string, Modification, string, RegExp]>([
    ['an empty name', header(''), 'HEADER_NAME', /addHeader: expected a header name/],
    ['a colon in the name', header('A:'), 'HEADER_NAME', /"A:"/],
    ['a space in the name', header('A b'), 'HEADER_NAME', /"A b"/],
    ['a name outside ASCII', header('Ä'), 'HEADER_NAME', /"Ä"/],
    ['a NUL', header('A', 'x\0'), 'HEADER_VALUE', /A: .*NUL/],
    ['a bare CR', header('A', 'x\ry'), 'HEADER_VALUE', /carriage return/],
    ['a new header inside', header('A', 'x\nB: y'), 'HEADER_VALUE', /line break/],
    ['a CRLF that injects', header('A', 'x\r\nB: y'), 'HEADER_VALUE', /line break/],
    ['a line break at the end', header('A', 'x\n'), 'HEADER_VALUE', /line break/],
    [
      'bytes that are none',
      { kind: 'addHeader', name: 'A', value: { bytes: 'ł' } },
      'HEADER_VALUE',
      /256/,
    ],
    [
      'an index below 0',
      { kind: 'insertHeader', index: -1, name: 'A', value },
      'HEADER_PLACE',
      /from 0/,
    ],
    [
      'an index that is none',
      { kind: 'insertHeader', index: 1.5, name: 'A', value },
      'HEADER_PLACE',
      /1\.5/,
    ],
    ['nth 0', { kind: 'changeHeader', nth: 0, name: 'A', value }, 'HEADER_PLACE', /from 1/],
    ['a delete of nth 0', { kind: 'deleteHeader', nth: 0, name: 'A' }, 'HEADER_PLACE', /from 1/],
    ['no recipient', { kind: 'addRecipient', address: '', args: [] }, 'ADDRESS', /empty/],
    [
      'two recipients',
      { kind: 'addRecipient', address: 'a@b> <c@d', args: [] },
      'ADDRESS',
      /"a@b> <c@d"/,
    ],
    [
      'a recipient with a line break',
      { kind: 'deleteRecipient', address: 'a@b\n' + 'c' },
      'ADDRESS',
      /expected/,
    ],
    [
      'a NUL in the sender',
      { kind: 'setSender', address: 'a\0b', args: [] },
      'ADDRESS',
      /expected/,
    ],
    [
      'a space in an argument',
      { kind: 'setSender', address: 'a', args: ['A B'] },
      'ARGUMENT',
      /"A B"/,
    ],
    ['a reason without words', { kind: 'quarantine', reason: '' }, 'REASON', /expected a reason/],
    [
      'a reason on two lines',
      { kind: 'quarantine', reason: 'a\nb' },
      'REASON',
      /expected a reason/,
    ],
    [
      'a body that is not bytes',
      { kind: 'replaceBody', body: 'ł' },
      'BODY',
      /one character a byte/,
    ],
  ])('%s', (_name, modification, code, message) => {
    const attempt = () => made({ kind: 'quarantine', reason: 'fine' }, modification);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(
      expect.objectContaining({ code: `ERR_MODIFICATION_${code}`, index: 1 }),
    );
  });

  test.each<[Modification, number]>([
    [{ kind: 'addHeader', name: 'A', value }, SMFIF.ADDHDRS],
    [{ kind: 'insertHeader', index: 0, name: 'A', value }, SMFIF.ADDHDRS],
    [{ kind: 'insertHeaderBeside', side: 'after', other: 0, name: 'A', value }, SMFIF.ADDHDRS],
    [{ kind: 'changeHeader', nth: 1, name: 'A', value }, SMFIF.CHGHDRS],
    [{ kind: 'deleteHeader', name: 'A' }, SMFIF.CHGHDRS],
    [{ kind: 'setSender', address: 'a', args: [] }, SMFIF.CHGFROM],
    [{ kind: 'addRecipient', address: 'a', args: [] }, SMFIF.ADDRCPT],
    [{ kind: 'addRecipient', address: 'a', args: ['NOTIFY=NEVER'] }, SMFIF.ADDRCPT_PAR],
    [{ kind: 'deleteRecipient', address: 'a' }, SMFIF.DELRCPT],
    [{ kind: 'replaceBody', body: '' }, SMFIF.CHGBODY],
    [{ kind: 'quarantine', reason: 'a' }, SMFIF.QUARANTINE],
  ])('an action that was not offered: %j', (modification, bit) => {
    const headers = [{ name: 'A', raw: ' a' }];
    const attempt = (actions: number) => () =>
      modificationReplies([modification], { ...MESSAGE, headers, actions });
    expect(attempt(SMFI_CURR_ACTS & ~bit)).toThrow(
      expect.objectContaining({ code: 'ERR_MODIFICATION_NOT_OFFERED', index: 0 }),
    );
    expect(attempt(bit)).not.toThrow();
  });

  test('headers that have to be written again take both actions', () => {
    const modification: Modification = { kind: 'insertHeader', index: 2, name: 'A', value };
    const headers = [...MESSAGE.headers, { name: 'To', raw: ' you' }];
    const attempt = (mta: 'postfix' | 'other') => () =>
      modificationReplies([modification], { ...MESSAGE, headers, mta, actions: SMFIF.ADDHDRS });
    expect(attempt('postfix')).not.toThrow();
    expect(attempt('other')).toThrow(/SMFIF_CHGHDRS/);
    const missing: Modification = { kind: 'changeHeader', name: 'None', nth: 1, value };
    const onlyChanges = { ...MESSAGE, actions: SMFIF.CHGHDRS };
    expect(() => modificationReplies([missing], onlyChanges)).toThrow(/SMFIF_ADDHDRS/);
  });
});
