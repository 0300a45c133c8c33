import { isDeepStrictEqual } from 'node:util';
import { describeWith } from '../harness/requirements.ts';
import type { SmtpClient } from '../harness/smtp-client.ts';
import { Site } from './site.ts';

/** milter_default_action and what a client hears of it: `undefined` where the message passes. */
const REFUSALS = {
  accept: undefined,
  quarantine: undefined,
  reject: /^550 5\.5\.0 Service unavailable/,
  tempfail: /^451 4\.7\.1 Service unavailable/,
} as const;

type Action = keyof typeof REFUSALS;

const ACTIONS = Object.keys(REFUSALS) as Action[];

/** Marks messages, and waits for ever at the end of some. With \`rcpt\`, Postfix waits for a reply there. */
const WAITS = (handlers: string) => `import { log } from 'postern';
  export const options = { wall: '60s' };
  ${handlers}
  export async function eom(session, message) {
    if (message.headers.has('X-Wait')) {
      log.info('waiting', { for: message.headers.get('X-Wait') });
      await new Promise(() => {});
    }
    message.headers.add('X-Marked', 'yes');
  }`;

describeWith(['postfix'], 'milter_default_action', () => {
  let site: Site<'waits' | 'silent', Action | 'silent'>;

  beforeAll(async () => {
    site = await Site.start({
      workers: 2,
      filters: { waits: WAITS('export function rcpt() {}'), silent: WAITS('') },
      postfix: ({ waits, silent }) => {
        const service = (milter_default_action: Action) => ({
          milters: waits,
          options: { milter_default_action },
        });
        return {
          services: {
            accept: service('accept'),
            quarantine: service('quarantine'),
            reject: service('reject'),
            tempfail: service('tempfail'),
            silent: { milters: silent, options: { milter_default_action: 'reject' } },
          },
        };
      },
    });
  });
  afterAll(() => site?.stop());

  let count = 0;
  const address = () => `recipient${++count}@example.com`;

  async function begun(action: Action | 'silent'): Promise<SmtpClient> {
    const client = await site.connect(action);
    await client.ehlo();
    expect((await client.mail('sender@example.org')).code).toBe(250);
    return client;
  }

  /** Where a message went that no filter saw to its end. */
  async function expectFate(action: Action, to: string): Promise<void> {
    if (action === 'quarantine') {
      await site.postfix.waitForQueue(
        ({ queueName, recipients }) => queueName === 'hold' && recipients[0]?.address === to,
      );
    } else expect((await site.receiver.nextTo(to)).header('X-Marked')).toBeUndefined();
  }

  /** Goes on after MAIL, and checks that everybody is told what the action says. */
  async function expectAction(action: Action, client: SmtpClient): Promise<void> {
    const to = address();
    const reply = await client.rcpt(to);
    const refusal = REFUSALS[action];
    if (refusal) {
      expect(reply.text).toMatch(refusal);
      return;
    }
    expect(reply.code).toBe(250);
    expect((await client.data('Subject: after the end of the worker\n\nx\n')).code).toBe(250);
    await expectFate(action, to);
  }

  async function expectMarked(action: Action): Promise<void> {
    const to = address();
    expect((await site.send(action, { to })).end?.code).toBe(250);
    expect((await site.receiver.nextTo(to)).header('X-Marked')).toBe('yes');
  }

  test('is not needed while another worker lives', async () => {
    const workers = site.postern.pids('postern worker');
    expect(workers).toHaveLength(2);
    process.kill(workers[0]!, 'SIGKILL');
    for (const action of [...ACTIONS, ...ACTIONS]) await expectMarked(action);
  });

  test('is what messages get in whose middle the worker dies, and nobody else', async () => {
    const waiting: { action: Action; client: SmtpClient; to: string }[] = [];
    const between: { action: Action; client: SmtpClient }[] = [];
    for (const action of ACTIONS) {
      const [client, to] = [await begun(action), address()];
      await client.rcpt(to);
      await client.command('DATA');
      client.write(`X-Wait: ${action}\r\n\r\nx\r\n.\r\n`);
      await site.postern.waitForLog(
        ({ msg, fields }) => msg === 'waiting' && isDeepStrictEqual(fields, { for: action }),
      );
      waiting.push({ action, client, to });
      between.push({ action, client: await begun(action) });
    }
    const silent = await begun('silent');
    for (const worker of site.postern.pids('postern worker')) process.kill(worker, 'SIGKILL');

    for (const { action, client, to } of waiting) {
      const reply = await client.reply();
      const refusal = REFUSALS[action];
      if (refusal) expect(reply.text).toMatch(refusal);
      else {
        expect(reply.code).toBe(250);
        await expectFate(action, to);
      }
    }
    for (const { action, client } of between) {
      await expectAction(action, client);
      // Postfix does not come back to a milter that failed it before the session is over.
      await client.rset();
      const again = await client.mail('sender@example.org');
      const refusal = REFUSALS[action];
      if (refusal) expect(again.text).toMatch(refusal);
      else await expectAction(action, client);
    }
    // Where Postfix waits for no reply it finds out at the end of the message.
    expect((await silent.rcpt(address())).code).toBe(250);
    expect((await silent.data('Subject: silent\n\nx\n')).text).toMatch(REFUSALS.reject);
    for (const { client } of [...waiting, ...between]) client.destroy();
    silent.destroy();

    await site.postern.accepting();
    for (const action of ACTIONS) await expectMarked(action);
  });

  test('is what every message gets while Postern is down', async () => {
    await site.postern.down();
    for (const action of ['accept', 'quarantine'] as const) {
      const to = address();
      expect((await site.send(action, { to })).end?.code).toBe(250);
      await expectFate(action, to);
    }
    const { greeting } = await site.send('reject');
    expect(greeting.text).toBe('554 mx.postern.test ESMTP not accepting connections');
    const { mail } = await site.send('tempfail');
    expect(mail?.text).toMatch(REFUSALS.tempfail);

    await site.postern.start();
    for (const action of ACTIONS) await expectMarked(action);
  });
});
