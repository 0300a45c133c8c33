import { describeWith } from '../harness/requirements.ts';
import { Site } from './site.ts';

/** Tells what it sees and does what X-Do says. */
const DOES = `import { log, reject } from 'postern';
  const actions = {
    'utf8 envelope': (m) => {
      m.setSender('ändern@exämple.org');
      m.addRecipient('neu@bücher.example');
      m.deleteRecipient('grün@exämple.com');
    },
    'utf8 headers': (m) => {
      m.headers.add('X-Text', 'Grüße');
      m.headers.add('X-Bytes', new Uint8Array([0x67, 0xfc]));
      m.headers.change('X-Old', 'möre');
      m.headers.insert(0, 'X-Top', '\\u65e5\\u672c');
    },
    'utf8 reply': () => reject('5.7.1 Schöne Grüße'),
    'sender with arguments': (m) => m.setSender('new@example.org', { RET: 'FULL', ENVID: 'new+2Bid' }),
    'sender without arguments': (m) => m.setSender('new@example.org'),
    'sender with arguments of no use': (m) => m.setSender('new@example.org', { SIZE: '1', BODY: '8BITMIME' }),
    'recipient with arguments': (m) => m.addRecipient('added@example.net', { NOTIFY: 'SUCCESS,DELAY', ORCPT: 'rfc822;x+2By@example.net' }),
    'recipient with mistakes': (m) => m.addRecipient('added@example.net', { NOTIFY: 'SOMETIMES', ORCPT: 'nonsense' }),
    'same recipient with arguments': (m) => { m.deleteRecipient('one@example.com'); m.addRecipient('one@example.com', { NOTIFY: 'NEVER' }); },
  };
  export function rcpt(s, recipient) {
    s.message.state.rcpt = [...(s.message.state.rcpt ?? []), recipient];
  }
  export function eom(s, m) {
    log.info('seen', { sender: m.sender, recipients: m.recipients, rcpt: m.state.rcpt, subject: m.headers.get('Subject'), macros: [s.macro('mail_addr'), s.macro('rcpt_addr')] });
    return actions[m.headers.get('X-Do')]?.(m);
  }`;

describeWith(['postfix'], 'an envelope', () => {
  let site: Site<'does', 'does'>;

  beforeAll(async () => {
    site = await Site.start({
      filters: { does: DOES },
      postfix: ({ does }) => ({ services: { does: { milters: does } } }),
    });
  });
  afterAll(() => site?.stop());

  type Sending = NonNullable<Parameters<typeof site.send>[1]>;

  /** What a filter saw of a message and what arrived. */
  async function pass(action: string, options: Omit<Sending, 'message'> & { headers?: string }) {
    const after = site.postern.logLength;
    const { headers = '', ...sending } = options;
    const message = `Subject: Grüße\nX-Do: ${action}\n${headers}\nx\n`;
    const { end } = await site.send('does', { ...sending, message });
    expect(end?.text).toMatch(/^250 /);
    return { seen: await site.postern.logged('seen', after), arrived: await site.receiver.next() };
  }

  const utf8 = (text: string | undefined) => Buffer.from(text ?? '', 'latin1').toString('utf8');

  describe('with SMTPUTF8', () => {
    const SMTPUTF8 = {
      from: 'jösé@exämple.org',
      to: ['grün@exämple.com', 'ascii@example.com'],
      mailArgs: ['SMTPUTF8', 'BODY=8BITMIME'],
    };

    test('is text for filters', async () => {
      const { seen, arrived } = await pass('nothing', SMTPUTF8);
      const recipients = [
        { address: 'grün@exämple.com', args: {} },
        { address: 'ascii@example.com', args: {} },
      ];
      expect(seen).toEqual({
        sender: { address: 'jösé@exämple.org', args: { SMTPUTF8: true, BODY: '8BITMIME' } },
        recipients,
        rcpt: recipients,
        subject: 'Grüße',
        macros: ['jösé@exämple.org', 'ascii@example.com'],
      });
      expect(arrived.sender).toBe('jösé@exämple.org');
      expect(arrived.senderArgs).toEqual(expect.arrayContaining(['SMTPUTF8', 'BODY=8BITMIME']));
      expect(arrived.recipients.map(({ address }) => address).sort()).toEqual([
        'ascii@example.com',
        'grün@exämple.com',
      ]);
    });

    test('takes changes as text', async () => {
      const { arrived } = await pass('utf8 envelope', SMTPUTF8);
      expect(arrived.sender).toBe('ändern@exämple.org');
      expect(arrived.senderArgs).toContain('SMTPUTF8');
      expect(arrived.recipients.map(({ address }) => address).sort()).toEqual([
        'ascii@example.com',
        'neu@bücher.example',
      ]);
    });

    test('has header values in UTF-8, and bytes as they are', async () => {
      const { arrived } = await pass('utf8 headers', { ...SMTPUTF8, headers: 'X-Old: old\n' });
      expect(utf8(arrived.header('X-Text'))).toBe('Grüße');
      expect(arrived.header('X-Bytes')).toBe('g\xfc');
      expect(utf8(arrived.header('X-Old'))).toBe('möre');
      expect(utf8(arrived.header('X-Top'))).toBe('日本');
    });

    test('has replies in UTF-8', async () => {
      const { end } = await site.send('does', {
        ...SMTPUTF8,
        message: 'X-Do: utf8 reply\n\nx\n',
      });
      expect(end?.text).toBe('550 5.7.1 Schöne Grüße');
    });
  });

  describe('without SMTPUTF8', () => {
    test('has header values as encoded words', async () => {
      const { seen, arrived } = await pass('utf8 headers', { headers: 'X-Old: old\n' });
      expect(seen.subject).toBe('Grüße');
      expect(arrived.senderArgs).not.toContain('SMTPUTF8');
      expect(arrived.header('X-Text')).toBe('=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=');
      expect(arrived.header('X-Bytes')).toBe('g\xfc');
      expect(arrived.header('X-Old')).toBe('=?UTF-8?Q?m=C3=B6re?=');
      expect(arrived.header('X-Top')).toBe('=?UTF-8?B?5pel5pys?=');
    });

    // Postfix 3.7 does not notice that the message needs SMTPUTF8 from then on.
    test('becomes one in UTF-8 if a filter says so, and goes on without the word', async () => {
      const { arrived } = await pass('utf8 envelope', {});
      expect(arrived.sender).toBe('ändern@exämple.org');
      expect(arrived.senderArgs).not.toContain('SMTPUTF8');
      expect(arrived.recipients.map(({ address }) => address).sort()).toEqual([
        'neu@bücher.example',
        'recipient@example.com',
      ]);
    });
  });

  describe('with arguments', () => {
    const DSN = {
      to: 'one@example.com',
      mailArgs: ['RET=HDRS', 'ENVID=QQ+2B314', 'SIZE=10'],
      rcptArgs: ['NOTIFY=SUCCESS,FAILURE', 'ORCPT=rfc822;Bob+2Bx@example.com'],
    };

    test('shows them to filters as they were sent', async () => {
      const { seen, arrived } = await pass('nothing', DSN);
      const recipient = {
        address: 'one@example.com',
        args: { NOTIFY: 'SUCCESS,FAILURE', ORCPT: 'rfc822;Bob+2Bx@example.com' },
      };
      expect(seen).toMatchObject({
        sender: {
          address: 'sender@example.org',
          args: { RET: 'HDRS', ENVID: 'QQ+2B314', SIZE: '10' },
        },
        recipients: [recipient],
        rcpt: [recipient],
      });
      expect(arrived.senderArgs).toEqual(expect.arrayContaining(['RET=HDRS', 'ENVID=QQ+2B314']));
      expect(arrived.recipients).toEqual([
        {
          address: 'one@example.com',
          args: expect.arrayContaining([
            'NOTIFY=SUCCESS,FAILURE',
            'ORCPT=rfc822;Bob+2Bx@example.com',
          ]),
        },
      ]);
    });

    test('takes those of a new sender in place of the old ones', async () => {
      const { arrived } = await pass('sender with arguments', DSN);
      expect(arrived.sender).toBe('new@example.org');
      expect(arrived.senderArgs).toEqual(expect.arrayContaining(['RET=FULL', 'ENVID=new+2Bid']));
    });

    test('keeps them where a new sender has none', async () => {
      const { arrived } = await pass('sender without arguments', DSN);
      expect(arrived.sender).toBe('new@example.org');
      expect(arrived.senderArgs).toEqual(expect.arrayContaining(['RET=HDRS', 'ENVID=QQ+2B314']));
    });

    test('takes those of a recipient, a new one or one who was there', async () => {
      const added = await pass('recipient with arguments', DSN);
      expect(added.arrived.recipients).toHaveLength(2);
      expect(added.arrived.recipients).toContainEqual({
        address: 'added@example.net',
        args: expect.arrayContaining(['NOTIFY=SUCCESS,DELAY', 'ORCPT=rfc822;x+2By@example.net']),
      });
      const again = await pass('same recipient with arguments', DSN);
      expect(again.arrived.recipients).toHaveLength(1);
      expect(again.arrived.recipients[0]?.args).toContain('NOTIFY=NEVER');
    });

    test('loses those that Postfix cannot use, and nothing else', async () => {
      const before = site.postfix.log().length;
      const sender = await pass('sender with arguments of no use', DSN);
      expect(sender.arrived.sender).toBe('new@example.org');
      const recipient = await pass('recipient with mistakes', DSN);
      expect(recipient.arrived.recipients.map(({ address }) => address)).toContain(
        'added@example.net',
      );
      const after = { after: before };
      await site.postfix.waitForLog('Ignoring bad ESMTP parameter "SIZE=1"', after);
      await site.postfix.waitForLog('Bad NOTIFY parameter from Milter', after);
      await site.postfix.waitForLog('Bad ORCPT parameter from Milter', after);
    });
  });
});
