import { describeWith } from '../harness/requirements.ts';
import { Site } from './site.ts';

/** Reports what the session looks like, and reads commands for the end of the message in Subject. */
const NOTES = `import { log } from 'postern';
  const phases = (session) => (session.state.phases ??= []);
  export const connect = (s) => { phases(s).push('connect'); };
  export const helo = (s) => { phases(s).push('helo ' + s.helo); };
  export const mail = (s) => { phases(s).push('mail ' + JSON.stringify(s.message.sender)); };
  export const rcpt = (s, r) => { phases(s).push('rcpt ' + JSON.stringify(r)); };
  export const data = (s) => { phases(s).push('data'); };
  export const eoh = (s) => { phases(s).push('eoh ' + [...s.message.headers].map(({ name }) => name).join(' ')); };
  export const close = (s) => { log.info('closed ' + s.state.to, s.state); };
  export function eom(s, m) {
    s.state.to = m.recipients[0].address;
    log.info('seen ' + s.state.to, { client: s.client, hostname: s.hostname, daemon: s.daemon, auth: s.auth ?? 'none', tls: s.tls ?? 'none', queueId: m.queueId, macro: s.macro('i') });
    m.headers.add('X-Seen', 'here');
    m.headers.insert(0, 'X-Top', 'there');
    if (m.headers.get('Subject') === 'Change me') {
      m.setSender('changed@example.org');
      m.addRecipient('added@example.net');
      m.deleteRecipient('first@example.com');
      m.replaceBody('changed\\n');
    }
  }`;

const REFUSES = `import { discard, reject, tempfail } from 'postern';
  export const rcpt = (s, { address }) => address.startsWith('unwanted') ? reject('5.1.1 Not here') : undefined;
  export function eom(s, message) {
    switch (message.headers.get('Subject')) {
      case 'Refuse me': return reject('5.7.1 Such a subject');
      case 'Not now': return tempfail('4.7.1 Such an hour');
      case 'Drop me': return discard();
      case 'Hold me': message.quarantine('odd');
    }
  }`;

describeWith(['postfix'], 'mail that does not come by SMTP', () => {
  let site: Site<'notes' | 'refuses', 'plain'>;

  beforeAll(async () => {
    site = await Site.start({
      filters: { notes: NOTES, refuses: REFUSES },
      postfix: ({ notes, refuses }) => ({
        settings: {
          non_smtpd_milters: `${notes} ${refuses}`,
          internal_mail_filter_classes: 'bounce',
        },
        services: { plain: {} },
      }),
    });
  });
  afterAll(() => site?.stop());

  const submit = (subject: string, to: string, sender = 'sender@example.org') =>
    site.sendmail(['-f', sender, ...to.split(' ')], `Subject: ${subject}\n\nHello.\n`);

  test('has a session from localhost, addresses without brackets and a queue id from the start', async () => {
    await submit('A message', 'one@example.com two@example.com');
    expect(await site.postern.logged('seen one@example.com')).toEqual({
      client: { address: '127.0.0.1', hostname: 'localhost', family: 'inet' },
      hostname: 'mx.postern.test',
      daemon: { name: 'mx.postern.test', address: '127.0.0.1' },
      auth: 'none',
      tls: 'none',
      queueId: expect.stringMatching(/^[0-9A-F]+$/),
      macro: expect.stringMatching(/^[0-9A-F]+$/),
    });
    const { phases } = await site.postern.logged('closed one@example.com');
    expect(phases).toEqual([
      'connect',
      'helo localhost',
      'mail {"address":"sender@example.org","args":{}}',
      'rcpt {"address":"one@example.com","args":{}}',
      'rcpt {"address":"two@example.com","args":{}}',
      'data',
      // Postfix completes what a program left out before filters see it.
      'eoh Subject Message-Id Date From',
    ]);
  });

  test('has the headers that a filter adds, above and below', async () => {
    await submit('A message', 'three@example.com');
    const message = await site.receiver.nextTo('three@example.com');
    expect(message.headers().map(({ name }) => name)).toEqual([
      'X-Top',
      'Received',
      'Subject',
      'Message-Id',
      'Date',
      'From',
      'X-Seen',
    ]);
  });

  test('has the null sender as an empty address', async () => {
    await submit('A message', 'four@example.com', '');
    const { phases } = await site.postern.logged('closed four@example.com');
    expect(phases).toContain('mail {"address":"","args":{}}');
    expect((await site.receiver.nextTo('four@example.com')).sender).toBe('');
  });

  test('has no arguments, though Postfix knows and keeps them', async () => {
    const dsn = ['-N', 'never', '-V', 'envelope-1', '-R', 'hdrs'];
    await site.sendmail(
      ['-f', 'sender@example.org', ...dsn, 'five@example.com'],
      'Subject: x\n\nx\n',
    );
    const { phases } = await site.postern.logged('closed five@example.com');
    expect(phases).toContain('mail {"address":"sender@example.org","args":{}}');
    expect(phases).toContain('rcpt {"address":"five@example.com","args":{}}');
    const { senderArgs, recipients } = await site.receiver.nextTo('five@example.com');
    expect(senderArgs).toEqual(expect.arrayContaining(['RET=HDRS', 'ENVID=envelope-1']));
    expect(recipients[0]?.args).toContain('NOTIFY=NEVER');
  });

  test('is changed as any other', async () => {
    await submit('Change me', 'first@example.com second@example.com');
    const message = await site.receiver.nextTo('added@example.net');
    expect(message.sender).toBe('changed@example.org');
    expect(message.recipients.map(({ address }) => address)).toEqual([
      'second@example.com',
      'added@example.net',
    ]);
    expect(message.body()).toBe('changed\r\n');
  });

  test('bounces where eom rejects it, and the bounce is filtered like it', async () => {
    await submit('Refuse me', 'refused@example.com', 'author@example.org');
    const bounce = await site.receiver.nextTo('author@example.org');
    expect(bounce.sender).toBe('');
    expect(bounce.body()).toContain('<refused@example.com>: Such a subject');
    expect(bounce.body()).toContain('Status: 5.7.1');
    expect(bounce.header('X-Seen')).toBe('here');
    const { phases } = await site.postern.logged('closed author@example.org');
    expect(phases).toEqual(expect.arrayContaining(['connect', 'mail {"address":"","args":{}}']));
  });

  test('is dropped, held or tried again as eom says', async () => {
    await submit('Drop me', 'dropped@example.com');
    await site.postfix.waitForLog(/milter-discard: END-OF-MESSAGE .* to=<dropped@example\.com>/);
    await submit('Hold me', 'held@example.com');
    await site.postfix.waitForQueue(
      ({ queueName, recipients }) =>
        queueName === 'hold' && recipients[0]?.address === 'held@example.com',
    );
    await submit('Not now', 'later@example.com');
    await site.postfix.waitForLog(/4\.7\.1 Such an hour; .* to=<later@example\.com>/);
    const waiting = await site.postfix.waitForQueue(
      ({ recipients }) => recipients[0]?.address === 'later@example.com',
    );
    expect(waiting.queueName).toBe('maildrop');
    const addresses = site.receiver.messages.flatMap(({ recipients }) =>
      recipients.map(({ address }) => address),
    );
    expect(addresses).not.toContain('dropped@example.com');
  });

  test('stays where it is when a filter refuses a recipient, which Postfix takes for a mistake of the operator', async () => {
    await submit('A message', 'unwanted@example.com wanted@example.com');
    await site.postfix.waitForLog(/milter-reject: RCPT from localhost.* 5\.1\.1 Not here/);
    await site.postfix.waitForLog(
      "milter configuration error: can't reject recipient in non-smtpd(8) submission",
    );
    const left = await site.postfix.waitForQueue(({ recipients }) =>
      recipients.some(({ address }) => address === 'unwanted@example.com'),
    );
    // Also for the recipient that nobody refused: the message is not split.
    expect(left.queueName).toBe('maildrop');
    expect(left.recipients.map(({ address }) => address)).toContain('wanted@example.com');
  });
});
