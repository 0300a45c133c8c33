import { describeWith } from '../harness/requirements.ts';
import type { SmtpClient } from '../harness/smtp-client.ts';
import { Site } from './site.ts';

/** Handles the end alone, so that Postfix waits for no reply before it; all that it knows must be of this message. */
const ENDS = `export async function eom(session, message) {
    session.state.count = (session.state.count ?? 0) + 1;
    const body = await message.body();
    message.headers.add('X-Seen', JSON.stringify({
      count: session.state.count,
      helo: session.helo,
      sender: message.sender.address,
      recipients: message.recipients.map(({ address }) => address),
      subject: message.headers.get('Subject'),
      headers: [...message.headers].length,
      body: body.length,
      queueId: message.queueId,
    }));
  }`;

/** Has a say everywhere and tells what it heard. */
const HEARS = `import { log, reject } from 'postern';
  const hear = (s, phase) => { (s.state.heard ??= []).push(phase); };
  export const connect = (s) => hear(s, 'connect');
  export const helo = (s) => hear(s, 'helo');
  export const mail = (s) => hear(s, 'mail');
  export function rcpt(s, { address }) {
    hear(s, 'rcpt');
    if (address.startsWith('unwanted')) return reject();
  }
  export const data = (s) => hear(s, 'data');
  export const eom = (s) => hear(s, 'eom');
  export const abort = (s) => hear(s, 'abort');
  export const close = (s) => { hear(s, 'close'); log.info('heard ' + s.client.address, { heard: s.state.heard }); };`;

/** As above, but Postfix waits for none of it. */
const OVERHEARS = `export const options = { mode: 'observe' };\n${HEARS}`;

const MAIL = 'MAIL FROM:<sender@example.org>';
const RCPT = 'RCPT TO:<recipient@example.com>';
const UNWANTED = 'RCPT TO:<unwanted@example.com>';

describeWith(['postfix'], 'a sequence of commands', () => {
  let site: Site<'ends' | 'hears' | 'overhears', 'ends' | 'hears' | 'overhears'>;

  beforeAll(async () => {
    site = await Site.start({
      filters: { ends: ENDS, hears: HEARS, overhears: OVERHEARS },
      postfix: ({ ends, hears, overhears }) => ({
        services: {
          ends: { milters: ends },
          hears: { milters: hears },
          overhears: { milters: overhears },
        },
      }),
    });
  });
  afterAll(() => site?.stop());

  /** Sends a message as one pipeline up to DATA, and checks what was seen of it. */
  async function pipe(client: SmtpClient, name: string, count: number): Promise<void> {
    const recipients = [`${name}-${count}@example.com`];
    if (count % 3 === 0) recipients.push(`${name}-${count}-too@example.com`);
    const headers = ['Subject', ...Array.from({ length: count % 5 }, (_, index) => `X-${index}`)];
    const replies = await client.pipeline([
      `MAIL FROM:<sender-${count}@example.org>`,
      ...recipients.map((address) => `RCPT TO:<${address}>`),
      'DATA',
    ]);
    expect(replies.at(-1)?.code).toBe(354);
    const body = 'x'.repeat(count * 10);
    const { code, text } = await client.content(
      `${headers.map((header) => `${header}: ${name} ${count}\n`).join('')}\n${body}\n`,
    );
    expect(code).toBe(250);
    const arrived = await site.receiver.nextTo(recipients[0]!);
    expect(JSON.parse(arrived.header('X-Seen') ?? '')).toEqual({
      count,
      helo: `${name}.test`,
      sender: `sender-${count}@example.org`,
      recipients,
      subject: `${name} ${count}`,
      headers: headers.length,
      body: body.length + 2,
      queueId: text.split(' ').at(-1),
    });
    expect(arrived.body()).toBe(`${body}\r\n`);
  }

  test('of a hundred messages on one connection, none waited for: each is seen as what it is', async () => {
    const client = await site.connect('ends');
    await client.ehlo('hundred.test');
    for (let count = 1; count <= 100; count += 1) await pipe(client, 'hundred', count);
    await client.quit();
  });

  test('does not wait for TCP between envelope and content', async () => {
    const client = await site.connect('ends');
    await client.ehlo();
    let fastestMs = Number.POSITIVE_INFINITY;
    for (let count = 1; count <= 20; count += 1) {
      await client.pipeline([MAIL, RCPT, 'DATA']);
      const startedAt = performance.now();
      expect((await client.content('Subject: x\n\nx\n')).code).toBe(250);
      fastestMs = Math.min(fastestMs, performance.now() - startedAt);
    }
    await client.quit();
    // A delayed acknowledgment would take 40 ms each time; a busy machine delays some, not all.
    expect(fastestMs).toBeLessThan(30);
  });

  test('of five messages on each of twenty connections at once: none is taken for another', async () => {
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const name = `client-${index}`;
        const client = await site.connect('ends');
        await client.ehlo(`${name}.test`);
        for (let count = 1; count <= 5; count += 1) await pipe(client, name, count);
        await client.quit();
      }),
    );
  });

  test('that gives up messages in the pipeline leaves nothing of them behind', async () => {
    const client = await site.connect('ends');
    await client.ehlo('given-up.test');
    for (let count = 1; count <= 10; count += 1) {
      const replies = await client.pipeline([
        'MAIL FROM:<given-up@example.org>',
        'RCPT TO:<given-up@example.com>',
        'RSET',
        'MAIL FROM:<given-up-too@example.org>',
        'RSET',
        'RSET',
      ]);
      expect(replies.map(({ code }) => code)).toEqual([250, 250, 250, 250, 250, 250]);
      await pipe(client, 'given-up', count);
    }
    await client.quit();
  });

  let clients = 0;

  /** What a filter heard of a whole session. */
  async function heardOf(
    service: 'hears' | 'overhears',
    dialogue: (client: SmtpClient) => Promise<unknown>,
  ): Promise<unknown> {
    clients += 1;
    const ADDR = `192.0.2.${clients}`;
    const client = await site.connect(service);
    await client.xclient({ ADDR });
    await client.ehlo();
    await dialogue(client);
    client.destroy();
    return (await site.postern.logged(`heard ${ADDR}`)).heard;
  }

  describe.each(['hears', 'overhears'] as const)(
    'with RSET in each state (filter that %s)',
    (service) => {
      test.each([
        ['before a message', ['RSET', 'RSET'], []],
        ['after MAIL', [MAIL, 'RSET'], ['mail', 'abort']],
        ['after RCPT', [MAIL, RCPT, 'RSET'], ['mail', 'rcpt', 'abort']],
        ['after two RCPTs', [MAIL, RCPT, RCPT, 'RSET'], ['mail', 'rcpt', 'rcpt', 'abort']],
        ['twice', [MAIL, 'RSET', 'RSET'], ['mail', 'abort']],
        ['after a RCPT that is refused', [MAIL, UNWANTED, 'RSET'], ['mail', 'rcpt', 'abort']],
        ['after MAIL that Postfix refuses', ['MAIL FROM:<not an address>', 'RSET'], []],
        ['after a second MAIL', [MAIL, MAIL, 'RSET'], ['mail', 'abort']],
        ['after DATA without recipients', [MAIL, 'DATA', 'RSET'], ['mail', 'abort']],
        [
          'between messages',
          [MAIL, 'RSET', MAIL, RCPT, 'RSET'],
          ['mail', 'abort', 'mail', 'rcpt', 'abort'],
        ],
        ['in place of RSET: EHLO', [MAIL, RCPT, 'EHLO again'], ['mail', 'rcpt', 'abort', 'helo']],
        [
          'in place of RSET: HELO, twice',
          [MAIL, 'HELO again', 'HELO again'],
          ['mail', 'abort', 'helo', 'helo'],
        ],
        ['in place of RSET: the end', [MAIL, RCPT, 'QUIT'], ['mail', 'rcpt', 'abort']],
        ['in place of RSET: nothing, the client is gone', [MAIL, RCPT], ['mail', 'rcpt', 'abort']],
      ])('%s', async (_, commands, phases) => {
        const expected = ['connect', 'helo', ...phases, 'close'];
        expect(
          await heardOf(service, async (client) => {
            for (const command of commands) await client.command(command);
          }),
        ).toEqual(expected);
      });

      test('after a message, and with the next one after it', async () => {
        const heard = await heardOf(service, async (client) => {
          for (let round = 0; round < 2; round += 1) {
            await client.command(MAIL);
            await client.command(RCPT);
            expect((await client.data('Subject: x\n\nx\n')).code).toBe(250);
            await client.rset();
          }
        });
        const message = ['mail', 'rcpt', 'data', 'eom'];
        expect(heard).toEqual(['connect', 'helo', ...message, ...message, 'close']);
      });

      test('in place of RSET: the client is gone in the middle of the content', async () => {
        const heard = await heardOf(service, async (client) => {
          await client.pipeline([MAIL, RCPT, 'DATA']);
          client.write('Subject: x\r\n\r\nthe first lines\r\n');
        });
        expect(heard).toEqual(['connect', 'helo', 'mail', 'rcpt', 'data', 'abort', 'close']);
      });
    },
  );
});
