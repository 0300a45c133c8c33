import { createHash } from 'node:crypto';
import { closeAll, fixture, halves, parse, parses } from './parse-in-thread.ts';

afterEach(closeAll);

const message = (...lines: string[]) => Buffer.from(lines.join('\r\n'), 'latin1');

describe('a parsed message', () => {
  test('has what mailparser finds in it', async () => {
    const { attachments, ...mail } = await parse(parses(), fixture('invoice.eml'));
    expect(mail).toEqual({
      id: 1,
      subject: 'Rechnung für März 2025',
      from: {
        value: [{ address: 'juergen@example.org', name: 'Jürgen Größer' }],
        text: '"Jürgen Größer" <juergen@example.org>',
      },
      to: {
        value: [
          { address: 'anna@example.com', name: 'Anna' },
          { address: 'bjoern@example.com', name: 'Björn' },
        ],
        text: '"Anna" <anna@example.com>, "Björn" <bjoern@example.com>',
      },
      cc: {
        value: [
          {
            name: 'Accounts',
            group: [
              { address: 'ap@example.com', name: '' },
              { address: 'ar@example.com', name: '' },
            ],
          },
        ],
        text: '"Accounts": ap@example.com, ar@example.com;',
      },
      replyTo: {
        value: [{ address: 'billing@example.org', name: '' }],
        text: 'billing@example.org',
      },
      date: Date.UTC(2025, 2, 3, 8, 15),
      messageId: '<invoice-2025-03@example.org>',
      inReplyTo: '<order-17@example.com>',
      references: ['<order-16@example.com>', '<order-17@example.com>'],
      text: 'Sehr geehrte Damen und Herren,\nanbei die Rechnung über 100 EUR.',
      html: '<p>anbei die Rechnung <b>über 100 EUR</b>. <img src="cid:logo@example.org"></p>',
    });
    expect(attachments).toMatchObject([
      {
        filename: 'logo.png',
        contentType: 'image/png',
        contentDisposition: 'inline',
        contentId: '<logo@example.org>',
        related: true,
      },
      {
        filename: 'Rechnung März 2025.pdf',
        contentType: 'application/pdf',
        contentDisposition: 'attachment',
        related: false,
      },
      { contentType: 'message/rfc822', contentDisposition: 'inline' },
    ]);
  });

  test('keeps the contents of its attachments, each with its size and SHA-256', async () => {
    const kept = parses();
    const { id, attachments } = await parse(kept, fixture('invoice.eml'), 7);
    const contents = attachments.map((_, index) => Buffer.from(kept.attachment(7, [id, index])));
    expect(contents[0]?.subarray(1, 4).toString()).toBe('PNG');
    expect(contents[1]?.toString()).toMatch(/^%PDF-1\.4\n[\s\S]*%%EOF\n$/);
    expect(contents[2]?.toString()).toMatch(
      /^From: anna@example\.com\r\n[\s\S]*Ten of them, please\.$/,
    );
    for (const [index, { size, checksum }] of attachments.entries()) {
      expect(size).toBe(contents[index]!.length);
      expect(checksum).toBe(createHash('sha256').update(contents[index]!).digest('hex'));
    }
  });

  test('says nothing of what is not there, and invents no date', async () => {
    expect(await parse(parses(), fixture('plain.eml'))).toEqual({
      id: 1,
      subject: 'plain',
      from: { value: [{ address: 'sender@example.org', name: '' }], text: 'sender@example.org' },
      to: {
        value: [{ name: 'undisclosed-recipients', group: [] }],
        text: '"undisclosed-recipients": ;',
      },
      text: 'One line.\n',
      attachments: [],
    });
  });

  test('makes no text out of HTML and no HTML out of text', async () => {
    const html = await parse(parses(), message('Content-Type: text/html', '', '<p>hi</p>'));
    expect([html.text, html.html]).toEqual([undefined, '<p>hi</p>']);
    const text = await parse(parses(), message('', 'see http://example.org'));
    expect([text.text, text.html]).toEqual(['see http://example.org', undefined]);
  });

  test.each([
    ['without headers', message('', 'hello')],
    ['without a body', message('Subject: x', '', '')],
    ['with nothing at all', message('', '')],
    [
      'with a charset that nobody knows',
      message('Content-Type: text/plain; charset=x-none', '', 'a'),
    ],
    ['with an encoding that nobody knows', message('Content-Transfer-Encoding: x-none', '', 'a')],
    ['with broken base64', message('Content-Transfer-Encoding: base64', '', '!!!=A=B')],
    [
      'with a multipart without a boundary',
      message('Content-Type: multipart/mixed', '', '--', '--'),
    ],
    [
      'with an end that never comes',
      message('Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'a'),
    ],
    [
      'with bytes that are no text',
      Buffer.concat([message('Subject: \xff\xfe\0', '', ''), Buffer.alloc(999, 0xfe)]),
    ],
    [
      'with names that are not theirs',
      message('__proto__: 1', 'List-__proto__: <a>', 'constructor: 2', '', 'a'),
    ],
  ])('%s is parsed too', async (_, bytes) => {
    expect((await parse(parses(), bytes)).attachments).toEqual(expect.any(Array));
  });
});

describe('what was parsed', () => {
  const { headers, body } = halves(fixture('invoice.eml'));
  const source = () => jest.fn(async () => body);

  test('is shared by those that see the message alike', async () => {
    const kept = parses();
    const bodies = source();
    const [one, two] = await Promise.all([
      kept.parse(1, [headers, null], bodies),
      kept.parse(1, [headers, null], bodies),
    ]);
    expect(two).toBe(one);
    expect(bodies).toHaveBeenCalledTimes(1);
  });

  test('is parsed anew for those that see other headers, another body or another event', async () => {
    const kept = parses();
    const bodies = source();
    await kept.parse(1, [headers, null], bodies);
    expect(await kept.parse(1, [`X: y\r\n${headers}`, null], bodies)).toMatch(/^\{"id":2,/);
    const changed = await kept.parse(1, ['Subject: s\r\n', 'b\xfcdy'], bodies);
    expect(JSON.parse(changed)).toMatchObject({ id: 3, text: 'b\ufffddy' });
    expect(await kept.parse(2, [headers, null], bodies)).toMatch(/^\{"id":4,/);
    expect(bodies).toHaveBeenCalledTimes(3);
  });

  test('goes with its event', async () => {
    const kept = parses();
    const { id } = await parse(kept, fixture('invoice.eml'), 1);
    expect(kept.keptBytes).toBeGreaterThan(0);
    kept.settle(1);
    expect(kept.attachment(1, [id, 0]).length).toBeGreaterThan(0);
    expect(() => kept.attachment(2, [id, 0])).toThrow(/gone with the phase/);
    kept.forget(1);
    expect(() => kept.attachment(1, [id, 0])).toThrow(/gone with the phase/);
    expect(kept.keptBytes).toBe(0);
  });

  test.each([[[1, 3]], [[1, -1]], [[1, 0.5]], [[1, '0']], [[1]]])(
    'has no attachment %j',
    async (asked) => {
      const kept = parses();
      await parse(kept, fixture('invoice.eml'));
      expect(() => kept.attachment(1, asked)).toThrow(
        expect.objectContaining({ code: 'ERR_ARGUMENT' }),
      );
    },
  );

  test.each([[[]], [['a']], [[1, null]], [['a', 1]]])(
    'is not there for arguments such as %j',
    async (asked) => {
      await expect(parses().parse(1, asked, async () => body)).rejects.toMatchObject({
        code: 'ERR_ARGUMENT',
      });
    },
  );
});
