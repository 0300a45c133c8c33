import type { ReceivedMessage } from '../harness/receiver.ts';
import { MailSystem } from './mail-system.ts';
import { MESSAGE_DIFFERENCES } from './message-differences.ts';
import { onEachMta } from './on-each-mta.ts';

/** Does to a message what its Subject names. */
const CHANGES = `import type { Message, Session } from 'postern';
  const actions: Record<string, (message: Message, session: Session) => unknown> = {
    add: (m) => { m.headers.add('X-Added', 'one'); m.headers.add('X-Added', 'two'); },
    'what is made by the MTA': (m) => { m.headers.add('Date', 'today'); m.headers.add('Message-Id', '<filter@example.org>'); },
    'what Sendmail does not send': (m) => { for (const name of ['Return-Path', 'Bcc', 'Content-Length', 'Full-Name', 'Resent-From']) m.headers.add(name, 'a@example.org'); },
    'long header': (m) => { m.headers.add('X-Long', 'word '.repeat(1000).trim()); },
    encode: (m) => { m.headers.add('X-Text', 'Grüße aus Köln'); m.headers.add('X-Bytes', new Uint8Array([0x4b, 0xf6])); },
    fold: (m) => { m.headers.add('X-Folded', 'one\\n two\\r\\n\\tthree'); },
    sender: (m) => { m.setSender('changed@example.org'); },
    'null sender': (m) => { m.setSender(''); },
    'sender with args': (m) => { m.setSender('changed@example.org', { RET: 'HDRS', ENVID: 'abc' }); },
    nobody: (m) => { for (const { address } of m.recipients) m.deleteRecipient(address); },
    'other case': (m) => { m.deleteRecipient('Gone@example.com'); },
    'unknown arguments': (m) => { m.addRecipient('added@example.net', { NOSUCH: 'thing' }); },
    recipients: (m) => { m.addRecipient('added@example.net'); m.deleteRecipient(m.recipients[0]!.address); m.addRecipient('notified@example.org', { NOTIFY: 'NEVER' }); },
    body: (m) => { m.replaceBody('New body.\\n\\n.dot\\n'); },
    'body of bytes': (m) => { m.replaceBody(new Uint8Array([0xe9, 0xff, 13, 10])); },
    'long body': (m) => { m.replaceBody(('x'.repeat(70) + '\\n').repeat(3000)); },
    'empty body': (m) => { m.replaceBody(''); },
    quarantine: (m) => { m.quarantine('looks odd'); },
    everything: (m) => { m.headers.delete('X-Many'); m.headers.insert(0, 'X-Top', 'top'); m.headers.add('X-End', 'end'); m.replaceBody('all\\n'); m.setSender('all@example.org'); m.addRecipient('all@example.net'); },
    nothing: () => {},
  };
  export function eom(session: Session, message: Message) { return actions[message.headers.get('Subject')!]!(message, session) as undefined; }`;

const LATER = `export function eom(session, message) { message.headers.add('X-Later-Sees', String([...message.headers].length)); message.headers.delete('X-Added', 1); }`;

type Sending = {
  readonly place?: 'changes' | 'both';
  /** Headers that are left out. */
  readonly without?: RegExp;
  readonly mailArgs?: readonly string[];
  readonly body?: string;
  /** Somebody else who gets the message. */
  readonly expectedTo?: string;
};

onEachMta('an eom handler', (mta) => {
  let system: MailSystem<'changes' | 'both'>;

  beforeAll(async () => {
    system = await MailSystem.start({
      mta,
      places: {
        changes: { filters: { changes: CHANGES } },
        both: { filters: { changes: CHANGES, later: LATER } },
      },
    });
  });
  afterAll(() => system?.stop());

  let count = 0;

  /** Sends a message with this Subject and gives what arrives. */
  async function arrives(subject: string, sending: Sending = {}) {
    const { place = 'changes', without, mailArgs = [], body = 'Old body.' } = sending;
    count += 1;
    const to = `recipient${count}@example.com`;
    const many = ['one', 'two', 'three'].map((value) => `X-Many: ${value}`);
    const headers = linesOf(`Subject: ${subject}`, ...many).filter((line) => !without?.test(line));
    const message = Buffer.from([...headers, '', body, ''].join('\r\n'), 'latin1');
    const { end } = await system.send(place, { to, message, mailArgs });
    expect(end?.code).toBe(250);
    return system.receiver.nextTo(sending.expectedTo ?? to);
  }

  const linesOf = (...names: string[]) => [
    'Date: Fri, 20 Nov 2026 20:00:00 +0000',
    'Message-Id: <1@example.org>',
    'From: Sender <sender@example.org>',
    `To: recipient${count}@example.com`,
    ...names,
  ];

  const small = (subject: string) => `From: a@example.org\r\nSubject: ${subject}\r\n\r\nx\r\n`;

  /** Headers by their first lines. */
  const listed = (message: ReceivedMessage) =>
    message.headers().map(({ name, value }) => {
      return name === 'Received' ? name : `${name}: ${value.split('\r\n')[0]}`;
    });

  test('adds headers at the end, in order', async () => {
    const message = await arrives('add');
    expect(listed(message).slice(-3)).toEqual(['X-Many: three', 'X-Added: one', 'X-Added: two']);
  });

  test('writes text in any language, and bytes as they are', async () => {
    const message = await arrives('encode');
    expect(message.header('X-Text')).toBe('=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= aus =?UTF-8?Q?K=C3=B6ln?=');
    expect(message.header('X-Bytes')).toBe('K\xf6');
  });

  test('adds what the MTA would make if it were missing: there is one of it', async () => {
    const message = await arrives('what is made by the MTA', { without: /^(Date|Message-Id):/ });
    expect(listed(message)).toEqual([
      'Received',
      ...MESSAGE_DIFFERENCES[mta].missing(
        ['Date: today', 'Message-Id: <filter@example.org>'],
        linesOf(
          ...['Subject: what is made by the MTA', 'X-Many: one', 'X-Many: two', 'X-Many: three'],
        ).slice(2),
      ),
    ]);
  });

  test('adds headers that the MTA has its own ideas about', async () => {
    const lines = listed(await arrives('what Sendmail does not send'));
    expect(lines.slice(linesOf().length + 5)).toEqual(MESSAGE_DIFFERENCES[mta].kept);
  });

  test('folds what is too long for a line', async () => {
    const value = (await arrives('long header')).header('X-Long') ?? '';
    expect(value.replace(/\r\n/g, '')).toBe('word '.repeat(1000).trim());
    expect(Math.max(...value.split('\r\n').map((line) => line.length))).toBeLessThan(999);
  });

  test('writes folded headers', async () => {
    expect((await arrives('fold')).header('X-Folded')).toBe('one\r\n two\r\n\tthree');
  });

  test('changes the sender', async () => {
    expect((await arrives('sender')).sender).toBe('changed@example.org');
    expect((await arrives('null sender')).sender).toBe('');
    const withArgs = await arrives('sender with args');
    expect(withArgs.sender).toBe('changed@example.org');
    expect(withArgs.senderArgs).toEqual(expect.arrayContaining(['RET=HDRS', 'ENVID=abc']));
  });

  test('changes the sender and keeps the arguments that it does not name', async () => {
    const mailArgs = ['BODY=8BITMIME', 'RET=FULL', 'ENVID=old'];
    // With bytes that make Sendmail keep 8BITMIME.
    const message = await arrives('sender with args', { mailArgs, body: '\xe9' });
    expect(message.senderArgs).toEqual(
      expect.arrayContaining(['BODY=8BITMIME', 'RET=HDRS', 'ENVID=abc']),
    );
    expect((await arrives('sender', { mailArgs, body: '\xe9' })).senderArgs).toEqual(
      expect.arrayContaining(mailArgs),
    );
  });

  test('adds and deletes recipients', async () => {
    const { recipients } = await arrives('recipients', { expectedTo: 'added@example.net' });
    const byAddress = new Map(recipients.map(({ address, args }) => [address, args]));
    expect([...byAddress.keys()].sort()).toEqual(['added@example.net', 'notified@example.org']);
    expect(byAddress.get('notified@example.org')).toContain('NOTIFY=NEVER');
  });

  test('deletes a recipient whose domain is written in another case', async () => {
    const to = ['Kept@example.com', 'Gone@EXAMPLE.com'];
    expect((await system.send('changes', { to, message: small('other case') })).end?.code).toBe(
      250,
    );
    const { recipients } = await system.receiver.nextTo('Kept@example.com');
    expect(recipients).toHaveLength(1);
  });

  test('adds a recipient with arguments that nobody knows', async () => {
    const { recipients } = await arrives('unknown arguments');
    const added = recipients.some(({ address }) => address === 'added@example.net');
    expect(added).toBe(MESSAGE_DIFFERENCES[mta].addsRecipientWithUnknownArgs);
  });

  test('deletes all recipients: the message is dropped', async () => {
    const to = ['nobody1@example.com', 'nobody2@example.com'];
    expect((await system.send('changes', { to, message: small('nobody') })).end?.code).toBe(250);
    await arrives('nothing');
    expect(await system.mta.queue()).toEqual([]);
    const all = system.receiver.messages.flatMap(({ recipients }) => recipients);
    expect(all.filter(({ address }) => to.includes(address))).toEqual([]);
  });

  test('replaces the body', async () => {
    expect((await arrives('body')).body()).toBe('New body.\r\n\r\n.dot\r\n');
    expect((await arrives('body of bytes')).body()).toBe('\xe9\xff\r\n');
    expect((await arrives('empty body')).body()).toBe('');
    expect((await arrives('long body')).body()).toBe(`${'x'.repeat(70)}\r\n`.repeat(3000));
  });

  test('quarantines', async () => {
    count += 1;
    const to = `recipient${count}@example.com`;
    expect((await system.send('changes', { to, message: small('quarantine') })).end?.code).toBe(
      250,
    );
    const held = await system.mta.waitForQueue(
      ({ queueName, recipients }) => queueName === 'hold' && recipients[0]?.address === to,
    );
    expect(held.sender).toBe('sender@example.org');
  });

  test('does everything at once', async () => {
    const message = await arrives('everything');
    expect(listed(message)).toEqual([
      'X-Top: top',
      'Received',
      ...linesOf('Subject: everything', 'X-End: end'),
    ]);
    expect([message.sender, message.body()]).toEqual(['all@example.org', 'all\r\n']);
  });

  test('that changes nothing leaves the message as it was', async () => {
    const message = await arrives('nothing');
    expect(listed(message)).toEqual([
      'Received',
      ...linesOf('Subject: nothing', 'X-Many: one', 'X-Many: two', 'X-Many: three'),
    ]);
    expect(message.body()).toBe('Old body.\r\n');
  });

  test('of a later filter sees what the first one did, and may undo it', async () => {
    const message = await arrives('add', { place: 'both' });
    expect(listed(message).slice(-3)).toEqual([
      'X-Many: three',
      'X-Added: two',
      'X-Later-Sees: 10',
    ]);
  });
});
