/** A real Postfix asks the filters, over TCP and over a Unix socket. */

import { join } from 'node:path';
import { freePort } from '../../harness/ports.ts';
import { type Postfix, startPostfix } from '../../harness/postfix.ts';
import { type Receiver, startReceiver } from '../../harness/receiver.ts';
import { describeWith } from '../../harness/requirements.ts';
import { SmtpClient } from '../../harness/smtp-client.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../harness/temporary-directory.ts';
import { PolicySite } from './policy-site.ts';

/** The recipient's local part says what to do at RCPT, the sender's at the end of the message. */
const FILTER = `import * as postern from 'postern';
  const { accept, delay, discard, filter, hold, log, prepend, redirect, reject, tempfail } = postern;
  const VERDICTS = {
    accept: () => accept({ all: true }),
    reject: () => reject(),
    reject521: () => reject(554, '5.7.1', ['Not here', 'nor there']),
    text: () => reject('5.7.2 Zürich says no'),
    tempfail: () => tempfail(),
    later: () => tempfail(451, '4.7.1', 'Come back'),
    full: () => reject(552, '5.3.4', 'Too much today'),
    discard: () => discard(),
    prepend: () => prepend('X-Policy: seen'),
    redirect: () => redirect('elsewhere@example.com'),
    hold: () => hold('for review'),
    slow: () => delay(1),
    slowest: () => delay(2),
    slowreject: () => delay(1, reject('5.7.1 In the end no')),
    broken: () => { throw new Error('broken'); },
  };
  export function access(request) {
    log.info(JSON.stringify(request));
    const { state, sender = '', recipient = '' } = request;
    const [word] = (state === 'RCPT' ? recipient : sender).split('@');
    return VERDICTS[word.replace(/-.*/, '')]?.();
  }`;

/** What Postfix refuses itself, after it has asked. */
const BARRED = 'check_recipient_access inline:{ { barred.example = REJECT Barred by Postfix } }';

interface Seen {
  readonly state: string;
  readonly client: { readonly address?: string; readonly hostname?: string };
  readonly helo?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly recipientCount?: number;
  readonly queueId?: string;
  readonly instance?: string;
  readonly size?: number;
  readonly attributes: Readonly<Record<string, string>>;
}

describeWith(['postfix'], 'check_policy_service of a real Postfix', () => {
  let site: PolicySite;
  let postfix: Postfix;
  let receiver: Receiver;
  let folder: TemporaryDirectory;
  let ports: Readonly<Record<'tcp' | 'unix' | 'gone' | 'open' | 'hasty' | 'early', number>>;

  beforeAll(async () => {
    site = await PolicySite.start(FILTER);
    folder = await temporaryDirectory('postern-policy-');
    receiver = await startReceiver();
    const path = join(folder.path, 'policy.sock');
    await site.listen({ path });
    const tcp = `inet:127.0.0.1:${await site.listen()}`;
    const gone = `inet:127.0.0.1:${await freePort()}`;
    const service = (server: string, more = '') => ({
      options: {
        smtpd_recipient_restrictions: `reject_unauth_destination, check_policy_service { ${server}${more} }, ${BARRED}`,
        smtpd_end_of_data_restrictions: `check_policy_service { ${server}, policy_context=eod${more} }`,
      },
    });
    postfix = await startPostfix({
      receiverPort: receiver.port,
      settings: {
        smtpd_policy_service_retry_delay: '1s',
        smtpd_policy_service_timeout: '20s',
      },
      services: [
        service(tcp),
        service(`unix:${path}`),
        service(gone, ', { default_action = 451 4.3.5 No policy }'),
        service(gone, ', default_action=DUNNO'),
        service(tcp, ', timeout=1s'),
        {
          options: {
            smtpd_delay_reject: 'no',
            smtpd_client_restrictions: `check_policy_service ${tcp}`,
          },
        },
      ],
    });
    const [tcpPort, unixPort, gonePort, openPort, hastyPort, earlyPort] = postfix.ports;
    ports = {
      tcp: tcpPort!,
      unix: unixPort!,
      gone: gonePort!,
      open: openPort!,
      hasty: hastyPort!,
      early: earlyPort!,
    };
  });

  afterAll(async () => {
    await postfix?.stop();
    await site?.stop();
    await receiver?.close();
    await folder?.remove();
  });

  let count = 0;
  const named = (word: string) => `${word}-${++count}@example.com`;
  const MESSAGE = 'Subject: A message\r\n\r\nHello.\r\n';

  /** What the filter was asked about this sender. */
  const seenOf = (sender: string): Seen[] =>
    site.under.said.map((text) => JSON.parse(text) as Seen).filter((one) => one.sender === sender);

  async function begun(service: keyof typeof ports, sender = 'sender@example.org') {
    const client = await SmtpClient.connect(ports[service]);
    await client.ehlo();
    expect((await client.mail(sender)).code).toBe(250);
    return client;
  }

  describe.each(['tcp', 'unix'] as const)('over %s', (place) => {
    test.each([
      ['reject', /^554 5\.7\.1 <reject.*>: Recipient address rejected: Access denied$/],
      ['reject521', /^554 5\.7\.1 <.*>: Recipient address rejected: Not here nor there$/],
      ['text', /^550 5\.7\.2 <.*>: Recipient address rejected: Z.+rich says no$/],
      ['tempfail', /^450 4\.7\.1 <.*>: Recipient address rejected: Service unavailable$/],
      ['later', /^451 4\.7\.1 <.*>: Recipient address rejected: Come back$/],
      ['broken', /^450 4\.7\.1 <.*>: Recipient address rejected: Service unavailable$/],
      ['slowreject', /^550 5\.7\.1 <.*>: Recipient address rejected: In the end no$/],
    ])('%s at RCPT concerns that recipient alone', async (word, reply) => {
      const client = await begun(place);
      expect((await client.rcpt(named(word))).text).toMatch(reply);
      const to = named('good');
      expect((await client.rcpt(to)).code).toBe(250);
      expect((await client.data(MESSAGE)).code).toBe(250);
      await client.quit();
      const { recipients } = await receiver.nextTo(to);
      expect(recipients.map(({ address }) => address)).toEqual([to]);
    });

    test.each([
      ['full', /^552 5\.3\.4 <END-OF-MESSAGE>: End-of-data rejected: Too much today$/],
      ['later', /^451 4\.7\.1 <END-OF-MESSAGE>: End-of-data rejected: Come back$/],
      ['reject', /^554 5\.7\.1 <END-OF-MESSAGE>: End-of-data rejected: Access denied$/],
      ['tempfail', /^450 4\.7\.1 <END-OF-MESSAGE>: End-of-data rejected: Service unavailable$/],
    ])('%s at the end refuses the message', async (word, reply) => {
      const client = await begun(place, named(word));
      expect((await client.rcpt(named('good'))).code).toBe(250);
      expect((await client.data(MESSAGE)).text).toMatch(reply);
      await client.quit();
    });

    test('prepend and redirect', async () => {
      const client = await begun(place);
      const to = named('prepend');
      expect((await client.rcpt(to)).code).toBe(250);
      expect((await client.data(MESSAGE)).code).toBe(250);
      expect((await receiver.nextTo(to)).header('X-Policy')).toBe('seen');

      await client.mail('sender@example.org');
      expect((await client.rcpt(named('redirect'))).code).toBe(250);
      expect((await client.data(MESSAGE)).code).toBe(250);
      const { recipients } = await receiver.nextTo('elsewhere@example.com');
      expect(recipients).toHaveLength(1);
      await client.quit();
    });

    test('hold and discard', async () => {
      const client = await begun(place);
      const held = named('hold');
      expect((await client.rcpt(held)).code).toBe(250);
      expect((await client.data(MESSAGE)).code).toBe(250);
      await postfix.waitForQueue(
        ({ queueName, recipients }) => queueName === 'hold' && recipients[0]?.address === held,
      );
      await client.mail('sender@example.org');
      const dropped = named('discard');
      expect((await client.rcpt(dropped)).code).toBe(250);
      expect((await client.data(MESSAGE)).code).toBe(250);
      // What is sent later arrives, and this did not.
      const after = named('good');
      await client.mail('sender@example.org');
      await client.rcpt(after);
      expect((await client.data(MESSAGE)).code).toBe(250);
      await receiver.nextTo(after);
      await client.quit();
      await postfix.waitForLog(new RegExp(`discard: RCPT from .*${dropped}`));
      const all = receiver.messages.flatMap(({ recipients }) => recipients);
      expect(all.filter(({ address }) => [held, dropped].includes(address))).toEqual([]);
    });

    test('a delay alone lets others pass, and then the recipient', async () => {
      const [slow, quick] = [await begun(place), await begun(place)];
      const order: string[] = [];
      const delayed = slow.rcpt(named('slow')).then(({ code }) => order.push(`slow ${code}`));
      order.push(`quick ${(await quick.rcpt(named('good'))).code}`);
      await delayed;
      expect(order).toEqual(['quick 250', 'slow 250']);
      slow.destroy();
      quick.destroy();
    });

    test('one instance through one message, and another one for the next of the session', async () => {
      const senders = [named('one'), named('two')] as const;
      const client = await SmtpClient.connect(ports[place]);
      await client.ehlo('client.example.org');
      for (const sender of senders) {
        await client.mail(sender, ['SIZE=1000']);
        for (const to of [named('good'), named('reject'), named('good')]) await client.rcpt(to);
        expect((await client.data(MESSAGE)).code).toBe(250);
      }
      await client.quit();
      const [one, two] = senders.map(seenOf) as [Seen[], Seen[]];
      for (const seen of [one, two]) {
        expect(seen.map(({ state }) => state)).toEqual(['RCPT', 'RCPT', 'RCPT', 'END-OF-MESSAGE']);
        expect(new Set(seen.map(({ instance }) => instance)).size).toBe(1);
        const [first, , , end] = seen as [Seen, Seen, Seen, Seen];
        expect(first).toMatchObject({
          client: { address: '127.0.0.1' },
          helo: 'client.example.org',
          size: 1000,
        });
        expect(first.client).not.toHaveProperty('hostname');
        expect(first.recipient).toMatch(/^good-/);
        expect(first).not.toHaveProperty('recipientCount');
        expect(end).not.toHaveProperty('recipient');
        expect(end).toMatchObject({ recipientCount: 2, attributes: { policy_context: 'eod' } });
        expect(end.queueId).toMatch(/^[0-9A-F]+$/);
        expect(end.size).not.toBe(1000);
      }
      expect(one[0]!.instance).toBeTruthy();
      expect(one[0]!.instance).not.toBe(two[0]!.instance);
    });

    test('the null sender and names beyond ASCII', async () => {
      const client = await SmtpClient.connect(ports[place]);
      await client.ehlo();
      await client.mail('', ['SMTPUTF8']);
      const to = named('müller');
      expect((await client.rcpt(to)).code).toBe(250);
      client.destroy();
      expect(seenOf('').filter(({ recipient }) => recipient === to)).toHaveLength(1);
    });

    test('accept for all ends no restriction of Postfix', async () => {
      const client = await begun(place);
      const reply = await client.rcpt('accept@barred.example');
      expect(reply.text).toMatch(/^554 5\.7\.1 .*: Barred by Postfix$/);
      expect(site.under.said.at(-1)).toContain('accept@barred.example');
      client.destroy();
    });
  });

  test('a delay alone may outlast the time that Postfix waits for an answer', async () => {
    const client = await begun('hasty');
    expect((await client.rcpt(named('slowest'))).code).toBe(250);
    client.destroy();
  });

  test('before MAIL there is no sender, and what needs a message is not asked for', async () => {
    const client = await SmtpClient.connect(ports.early);
    expect(client.greeting.code).toBe(220);
    await client.quit();
    const seen = JSON.parse(site.under.said.at(-1)!) as Seen;
    expect(seen).toMatchObject({ state: 'CONNECT', attributes: { sender: '' } });
    expect(seen).not.toHaveProperty('sender');
  });

  test('where nobody answers, Postfix does as default_action says', async () => {
    const strict = await begun('gone');
    expect((await strict.rcpt(named('good'))).text).toMatch(/^451 4\.3\.5 .*No policy$/);
    strict.destroy();
    const open = await begun('open');
    const to = named('reject');
    expect((await open.rcpt(to)).code).toBe(250);
    expect((await open.data(MESSAGE)).code).toBe(250);
    await open.quit();
    await receiver.nextTo(to);
  });

  test('a connection that ended between two requests costs nothing: Postfix asks again', async () => {
    const client = await begun('tcp');
    expect((await client.rcpt(named('good'))).code).toBe(250);
    for (const socket of site.sockets) socket.destroy();
    expect((await client.rcpt(named('later'))).text).toMatch(/^451 4\.7\.1 .*Come back$/);
    client.destroy();
  });

  test('Postfix has nothing to complain about', async () => {
    const complaints = postfix
      .log()
      .split('\n')
      .filter((line) => / (?:warning|error|fatal|panic): /.test(line))
      // Said of the places where nobody answers, and of the connection that was cut.
      .filter((line) => !/warning: (?:connect to|access policy|problem talking)/.test(line));
    expect(complaints).toEqual([]);
    expect(site.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
