import { describeWith } from '../harness/requirements.ts';
import { MailSystem } from './mail-system.ts';

/** Does to a message what its Subject names. */
const CHANGES = `import type { Message, Session } from 'postern';
  const actions: Record<string, (message: Message, session: Session) => unknown> = {
    add: (m) => { m.headers.add('X-Added', 'one'); m.headers.add('X-Added', 'two'); },
    'insert at 0': (m) => { m.headers.insert(0, 'X-First', 'second'); m.headers.insert(0, 'X-First', 'first'); },
    'insert at 1': (m) => { m.headers.insert(1, 'X-Below', 'the MTA’s own'); },
    'insert in the middle': (m) => { m.headers.insert(2, 'X-Middle', 'above To'); },
    'insert beside': (m) => { m.headers.insertBefore('To', 'X-Before', 'To'); m.headers.insertAfter('To', 'X-After', 'To'); for (const h of m.headers) if (h.text === 'three') m.headers.insertAfter(h, 'X-After', 'three'); },
    change: (m) => { m.headers.change('X-Many', 'TWO', 2); m.headers.change('from', 'Changed <changed@example.org>'); },
    'change what is not there': (m) => { m.headers.change('X-None', 'added'); },
    delete: (m) => { m.headers.delete('X-Many', 1); m.headers.delete('X-Many', 1); },
    'delete all': (m) => { m.headers.delete('x-many'); m.headers.delete('X-None'); },
    'change and delete': (m) => { m.headers.delete('X-Many', 2); m.headers.change('X-Many', 'was three', 2); m.headers.add('X-Many', 'four'); },
    encode: (m) => { m.headers.add('X-Text', 'Grüße aus Köln'); m.headers.add('X-Bytes', new Uint8Array([0x4b, 0xf6])); },
    fold: (m) => { m.headers.add('X-Folded', 'one\\n two\\r\\n\\tthree'); },
    sender: (m) => { m.setSender('changed@example.org'); },
    'null sender': (m) => { m.setSender(''); },
    'sender with args': (m) => { m.setSender('changed@example.org', { RET: 'HDRS', ENVID: 'abc' }); },
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

describeWith(['postfix'], 'an eom handler', () => {
  let system: MailSystem<'changes' | 'both'>;

  beforeAll(async () => {
    system = await MailSystem.start({
      places: {
        changes: { filters: { changes: CHANGES } },
        both: { filters: { changes: CHANGES, later: LATER } },
      },
    });
  });
  afterAll(() => system?.stop());

  let count = 0;

  /** Sends a message with this Subject and gives what arrives. */
  async function arrives(
    subject: string,
    place: 'changes' | 'both' = 'changes',
    expectedTo?: string,
  ) {
    count += 1;
    const to = `recipient${count}@example.com`;
    const lines = [
      'From: Sender <sender@example.org>',
      `To: ${to}`,
      `Subject: ${subject}`,
      'X-Many: one',
      'X-Many: two',
      'X-Many: three',
      '',
      'Old body.',
      '',
    ];
    const { end } = await system.send(place, { to, message: lines.join('\r\n') });
    expect(end?.code).toBe(250);
    return system.receiver.nextTo(expectedTo ?? to);
  }

  const listed = (message: Awaited<ReturnType<typeof arrives>>) =>
    message
      .headers()
      .map(({ name, value }) =>
        `${name}: ${value.split(/\r\n/)[0]}`.replace(/^Received:.*/, 'Received'),
      );
  const usual = (from: number) =>
    [
      `To: recipient${count}@example.com`,
      'Subject: ',
      'X-Many: one',
      'X-Many: two',
      'X-Many: three',
    ].slice(from);

  test('adds headers at the end, in order', async () => {
    const message = await arrives('add');
    expect(listed(message).slice(-3)).toEqual(['X-Many: three', 'X-Added: one', 'X-Added: two']);
  });

  test('inserts above everything', async () => {
    expect(listed(await arrives('insert at 0')).slice(0, 3)).toEqual([
      'X-First: first',
      'X-First: second',
      'Received',
    ]);
  });

  test('inserts below the Received of the MTA', async () => {
    const names = (await arrives('insert at 1')).headers().map(({ name }) => name);
    expect(names.slice(0, 3)).toEqual(['Received', 'X-Below', 'From']);
  });

  test('inserts in the middle', async () => {
    const names = (await arrives('insert in the middle')).headers().map(({ name }) => name);
    expect(names.slice(0, 4)).toEqual(['Received', 'From', 'X-Middle', 'To']);
  });

  test('inserts before and after a header', async () => {
    const names = listed(await arrives('insert beside')).map((line) =>
      line.replace(/: (Sender|recipient|insert).*/, ''),
    );
    expect(names).toEqual([
      'Received',
      'From',
      'X-Before: To',
      'To',
      'X-After: To',
      'Subject',
      'X-Many: one',
      'X-Many: two',
      'X-Many: three',
      'X-After: three',
    ]);
  });

  test('changes headers in their places', async () => {
    const message = await arrives('change');
    expect(listed(message)).toEqual([
      'Received',
      'From: Changed <changed@example.org>',
      ...usual(0).slice(0, 1),
      'Subject: change',
      'X-Many: one',
      'X-Many: TWO',
      'X-Many: three',
    ]);
  });

  test('adds a header that it wanted to change', async () => {
    expect(listed(await arrives('change what is not there')).at(-1)).toBe('X-None: added');
  });

  test('deletes headers one after the other, each counting what is left', async () => {
    expect(listed(await arrives('delete')).filter((line) => line.startsWith('X-Many'))).toEqual([
      'X-Many: three',
    ]);
  });

  test('deletes all headers of a name', async () => {
    expect(listed(await arrives('delete all')).filter((line) => line.startsWith('X-Many'))).toEqual(
      [],
    );
  });

  test('sees its own changes when it goes on', async () => {
    expect(
      listed(await arrives('change and delete')).filter((line) => line.startsWith('X-Many')),
    ).toEqual(['X-Many: one', 'X-Many: was three', 'X-Many: four']);
  });

  test('writes text in any language, and bytes as they are', async () => {
    const message = await arrives('encode');
    expect(message.header('X-Text')).toBe('=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= aus =?UTF-8?Q?K=C3=B6ln?=');
    expect(message.header('X-Bytes')).toBe('K\xf6');
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

  test('adds and deletes recipients', async () => {
    const { recipients } = await arrives('recipients', 'changes', 'added@example.net');
    expect(recipients.map(({ address }) => address)).toEqual([
      'added@example.net',
      'notified@example.org',
    ]);
    expect(recipients[1]?.args).toContain('NOTIFY=NEVER');
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
    const { end } = await system.send('changes', {
      to,
      message: `From: a@example.org\r\nSubject: quarantine\r\n\r\nx\r\n`,
    });
    expect(end?.code).toBe(250);
    const held = await system.postfix.waitForQueue(
      ({ queueName, recipients }) => queueName === 'hold' && recipients[0]?.address === to,
    );
    expect(held.sender).toBe('sender@example.org');
  });

  test('does everything at once', async () => {
    const message = await arrives('everything');
    expect(listed(message)).toEqual([
      'X-Top: top',
      'Received',
      'From: Sender <sender@example.org>',
      `To: recipient${count}@example.com`,
      'Subject: everything',
      'X-End: end',
    ]);
    expect([message.sender, message.body()]).toEqual(['all@example.org', 'all\r\n']);
  });

  test('that changes nothing leaves the message as it was', async () => {
    const message = await arrives('nothing');
    expect(listed(message)).toEqual([
      'Received',
      'From: Sender <sender@example.org>',
      `To: recipient${count}@example.com`,
      'Subject: nothing',
      'X-Many: one',
      'X-Many: two',
      'X-Many: three',
    ]);
    expect(message.body()).toBe('Old body.\r\n');
  });

  test('of a later filter sees what the first one did, and may undo it', async () => {
    const message = await arrives('add', 'both');
    expect(listed(message).slice(-3)).toEqual(['X-Many: three', 'X-Added: two', 'X-Later-Sees: 8']);
  });
});
