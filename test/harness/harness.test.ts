import { type Postfix, type PostfixService, startPostfix } from './postfix.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { describeWith } from './requirements.ts';
import { SmtpClient } from './smtp-client.ts';
import { send } from './smtp-session.ts';

const MESSAGE = 'From: a@example.org\nSubject: hello\n\n.leading dot\nlast line\n';

describeWith(['postfix'], 'a Postfix', () => {
  const services: readonly PostfixService[] = [
    {},
    { options: { smtpd_recipient_restrictions: 'check_recipient_access static:HOLD, permit' } },
    { options: { smtpd_client_restrictions: 'check_client_access static:{554 5.7.1 Go away}' } },
    { milters: 'inet:127.0.0.1:9' },
    { milters: '{ inet:127.0.0.1:9, default_action=accept }' },
  ];
  let later = false;
  let receiver: Receiver;
  let postfix: Postfix;
  let plain: number;
  let holding: number;
  let refusing: number;
  let milterless: number;
  let forgiving: number;

  beforeAll(async () => {
    receiver = await startReceiver({
      answer: (command) =>
        later && command.startsWith('RCPT') ? '450 4.2.0 Come later' : undefined,
    });
    postfix = await startPostfix({ services, receiverPort: receiver.port });
    [plain = 0, holding = 0, refusing = 0, milterless = 0, forgiving = 0] = postfix.ports;
  });
  afterAll(async () => {
    await postfix?.stop();
    await receiver?.close();
  });

  test('passes a message on as it is', async () => {
    const transcript = await send({
      port: plain,
      from: 'a@example.org',
      to: ['b@example.net', 'c@example.com'],
      message: MESSAGE,
      mailArgs: ['BODY=8BITMIME', 'RET=HDRS'],
    });
    expect(transcript.greeting.text).toBe('220 mx.postern.test ESMTP Postfix');
    expect(transcript.ehlo?.lines).toEqual(
      expect.arrayContaining([
        'PIPELINING',
        'SMTPUTF8',
        'XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT',
      ]),
    );
    expect(transcript.rcpt.map(({ text }) => text)).toEqual(['250 2.1.5 Ok', '250 2.1.5 Ok']);
    expect(transcript.data?.code).toBe(354);
    expect(transcript.end?.text).toMatch(/^250 2\.0\.0 Ok: queued as /);
    expect(transcript.quit?.text).toBe('221 2.0.0 Bye');

    const message = await receiver.nextTo('c@example.com');
    expect(message.sender).toBe('a@example.org');
    expect(message.senderArgs).toEqual(expect.arrayContaining(['BODY=8BITMIME', 'RET=HDRS']));
    // Postfix sorts the recipients of a message by domain.
    expect(message.recipients.map(({ address }) => address)).toEqual([
      'c@example.com',
      'b@example.net',
    ]);
    expect(message.headers().map(({ name }) => name)).toEqual(['Received', 'From', 'Subject']);
    expect(message.header('subject')).toBe('hello');
    expect(message.body()).toBe('.leading dot\r\nlast line\r\n');
    expect(receiver.messages).toContain(message);
  });

  test('keeps bytes, long lines and addresses in UTF-8', async () => {
    const body = `${'x'.repeat(5_000)}\r\n\xe9\xff\r\n`;
    const transcript = await send({
      port: plain,
      from: 'jörg@example.org',
      to: 'zoë@example.net',
      message: Buffer.from(`Subject: caf\xe9\r\n\r\n${body}`, 'latin1'),
      mailArgs: ['SMTPUTF8', 'BODY=8BITMIME'],
    });
    expect(transcript.end?.code).toBe(250);
    const message = await receiver.nextTo('zoë@example.net');
    expect(message.sender).toBe('jörg@example.org');
    expect(message.header('Subject')).toBe('caf\xe9');
    expect(message.body()).toBe(body);
  });

  test('shows a held message in the queue', async () => {
    await send({ port: holding, from: 'a@example.org', to: 'held@example.net', message: MESSAGE });
    const line = await postfix.waitForLog(/hold: RCPT from .*<held@example\.net>/);
    expect(line).toContain('triggers HOLD action');
    const held = (await postfix.queue()).find(({ queueName }) => queueName === 'hold');
    expect(held).toMatchObject({
      sender: 'a@example.org',
      recipients: [{ address: 'held@example.net' }],
    });
  });

  test('delivers a deferred message after a flush', async () => {
    later = true;
    await send({ port: plain, from: 'a@example.org', to: 'later@example.net', message: MESSAGE });
    const deferred = await postfix.waitForQueue(({ queueName }) => queueName === 'deferred');
    later = false;
    expect(deferred.recipients[0]?.delayReason).toContain('450 4.2.0 Come later');
    await postfix.flush();
    await receiver.nextTo('later@example.net');
  });

  test('answers a pipeline in order', async () => {
    const client = await SmtpClient.connect(plain);
    await client.ehlo();
    const replies = await client.pipeline([
      'MAIL FROM:<a@example.org>',
      'RCPT TO:<pipelined@example.net>',
      'RCPT TO:<no domain>',
      'DATA',
    ]);
    expect(replies.map(({ code }) => code)).toEqual([250, 250, 501, 354]);
    expect((await client.content(MESSAGE)).code).toBe(250);
    await client.quit();
    await client.closed;
    await receiver.nextTo('pipelined@example.net');
  });

  test('notices a client that vanishes in the middle of DATA', async () => {
    const client = await SmtpClient.connect(plain);
    await client.ehlo('vanishing.test');
    await client.mail('a@example.org');
    await client.rcpt('never@example.net');
    await client.command('DATA');
    client.write('Subject: half of it\r\n\r\nand then');
    client.destroy();
    await client.closed;
    await postfix.waitForLog(/lost connection after DATA/);
    expect(
      receiver.messages.some(({ recipients }) => recipients[0]?.address === 'never@example.net'),
    ).toBe(false);
  });

  test.each([
    { addr: '192.0.2.7', name: 'mail.example.com' },
    { addr: '2001:db8::7', name: 'six.example.com' },
  ])('believes XCLIENT about $addr', async ({ addr, name }) => {
    const to = `from-${name}@example.net`;
    await send({
      port: plain,
      from: 'a@example.org',
      to,
      message: MESSAGE,
      xclient: { ADDR: addr, NAME: name },
    });
    await postfix.waitForLog(`client=${name}[${addr}]`);
    expect((await receiver.nextTo(to)).header('Received')).toContain(name);
  });

  test('ends a session that is refused', async () => {
    const transcript = await send({
      port: refusing,
      from: 'a@example.org',
      to: ['b@example.net', 'c@example.net'],
      message: MESSAGE,
    });
    expect(transcript.rcpt.map(({ code }) => code)).toEqual([554, 554]);
    expect(transcript.rcpt[0]?.text).toContain('Go away');
    expect(transcript.data).toBeUndefined();
    expect(transcript.quit?.code).toBe(221);
  });

  test('gives each listener its own milters', async () => {
    const to = 'b@example.net';
    const mail = { from: 'a@example.org', to, message: MESSAGE };
    const down = await send({ ...mail, port: milterless });
    expect(down.mail?.text).toBe('451 4.7.1 Service unavailable - try again later');
    expect((await send({ ...mail, port: forgiving })).end?.code).toBe(250);
    await receiver.nextTo(to);
  });

  test('tells the last lines of the log when a line does not come', async () => {
    await expect(postfix.waitForLog('no such line', { timeoutMs: 50 })).rejects.toThrow(
      /nothing like no such line.*last lines of the mail log:\n.*postfix\/smtpd/s,
    );
  });

  test('waits only for lines after a point', async () => {
    const line = 'disconnect from again.example.com';
    const visit = async () => {
      const client = await SmtpClient.connect(plain);
      await client.xclient({ NAME: 'again.example.com', ADDR: '192.0.2.9' });
      await client.quit();
    };
    await visit();
    await postfix.waitForLog(line);
    const after = postfix.log().length;
    const none = postfix.waitForLog(line, { after, timeoutMs: 50 });
    await expect(none).rejects.toThrow('nothing like');
    await visit();
    await postfix.waitForLog(line, { after });
  });
});
