import { describeWith } from '../harness/requirements.ts';
import { pollFor } from '../harness/waiting.ts';
import { Site } from './site.ts';

/** Counts in both states, and waits where a header says so. */
const COUNTS = (onError: string) => `import { log, sleep } from 'postern';
  export const options = { onError: '${onError}', wall: '60s' };
  const count = (s, phase) => {
    s.state.phases = [...(s.state.phases ?? []), phase];
    if (s.message) s.message.state.phases = [...(s.message.state.phases ?? []), phase];
  };
  export const connect = (s) => count(s, 'connect');
  export const mail = (s) => count(s, 'mail');
  export async function rcpt(s, { address }) {
    if (address.startsWith('wait')) {
      log.info('waiting for ' + address);
      await new Promise(() => {});
    }
    count(s, 'rcpt');
  }
  export async function eom(s, message) {
    if (message.headers.has('X-Wait')) {
      log.info('waiting for ' + message.headers.get('X-Wait'));
      await new Promise(() => {});
    }
    count(s, 'eom');
    message.headers.add('X-Session', s.state.phases.join(' '));
    message.headers.add('X-Message', message.state.phases.join(' '));
  }`;

describeWith(['postfix'], 'a runner that is killed', () => {
  let site: Site<'tempfails' | 'continues', 'tempfails' | 'continues'>;

  beforeAll(async () => {
    site = await Site.start({
      filters: { tempfails: COUNTS('tempfail'), continues: COUNTS('continue') },
      postfix: ({ tempfails, continues }) => ({
        // Unlike anything that the filters say.
        settings: { milter_default_action: 'reject' },
        services: { tempfails: { milters: tempfails }, continues: { milters: continues } },
      }),
    });
  });
  afterEach(() => {
    const lines = site.postfix.log().split('\n');
    expect(lines.filter((line) => line.includes('warning: milter'))).toEqual([]);
  });
  afterAll(() => site?.stop());

  let count = 0;
  const address = () => `recipient${++count}@example.com`;

  /** Kills runner and spare at once, so that nobody is there to take over for a while. */
  async function killRunners(): Promise<void> {
    const after = site.postern.logLength;
    const runners = await pollFor(
      () => {
        const found = site.postern.pids('postern runner');
        return found.length > 0 ? found : undefined;
      },
      { timeoutMs: 5_000, failure: () => 'there is no runner' },
    );
    for (const runner of runners) process.kill(runner, 'SIGKILL');
    await site.postern.waitForLog(({ msg }) => /^runner died/.test(msg), after);
  }

  test('between two commands: the message goes on, and no state is lost', async () => {
    const to = address();
    const client = await site.connect('tempfails');
    await client.ehlo();
    await killRunners();
    expect((await client.mail('sender@example.org')).code).toBe(250);
    await killRunners();
    expect((await client.rcpt(to)).code).toBe(250);
    expect((await client.command('DATA')).code).toBe(354);
    await killRunners();
    expect((await client.content('Subject: x\n\nx\n')).code).toBe(250);
    const first = await site.receiver.nextTo(to);
    expect(first.header('X-Session')).toBe('connect mail rcpt eom');
    expect(first.header('X-Message')).toBe('mail rcpt eom');

    await killRunners();
    await client.mail('sender@example.org');
    await client.rcpt(to);
    expect((await client.data('Subject: x\n\nx\n')).code).toBe(250);
    await client.quit();
    const second = await site.receiver.nextTo(to);
    expect(second.header('X-Session')).toBe('connect mail rcpt eom mail rcpt eom');
    expect(second.header('X-Message')).toBe('mail rcpt eom');
  });

  test('while a handler waits: that call gets onError, the connection goes on', async () => {
    const to = address();
    const client = await site.connect('tempfails');
    await client.ehlo();
    await client.mail('sender@example.org');
    client.write('RCPT TO:<wait-1@example.com>\r\n');
    await site.postern.waitForLog(({ msg }) => msg === 'waiting for wait-1@example.com');
    await killRunners();
    expect((await client.reply()).code).toBe(451);

    await client.rcpt(to);
    await client.command('DATA');
    client.write('X-Wait: end-1\r\n\r\nx\r\n.\r\n');
    await site.postern.waitForLog(({ msg }) => msg === 'waiting for end-1');
    await killRunners();
    expect((await client.reply()).code).toBe(451);

    await client.mail('sender@example.org');
    await client.rcpt(to);
    expect((await client.data('Subject: x\n\nx\n')).code).toBe(250);
    await client.quit();
    expect((await site.receiver.nextTo(to)).header('X-Message')).toBe('mail rcpt eom');
  });

  test('while a handler waits whose onError is continue: the message passes', async () => {
    const to = 'wait-2@example.com';
    const client = await site.connect('continues');
    await client.ehlo();
    await client.mail('sender@example.org');
    client.write(`RCPT TO:<${to}>\r\n`);
    await site.postern.waitForLog(({ msg }) => msg === `waiting for ${to}`);
    await killRunners();
    expect((await client.reply()).code).toBe(250);
    expect((await client.data('Subject: x\n\nx\n')).code).toBe(250);
    await client.quit();
    // What the lost call had to count is lost with it, nothing else is.
    expect((await site.receiver.nextTo(to)).header('X-Message')).toBe('mail eom');
  });

  test('three times while ten clients send a hundred messages: all of them arrive', async () => {
    let sent = 0;
    const kills: Promise<void>[] = [];
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const client = await site.connect('continues');
        await client.ehlo();
        for (let message = 0; message < 10; message += 1) {
          const to = address();
          await client.mail('sender@example.org');
          await client.rcpt(to);
          expect((await client.data('Subject: x\n\nx\n')).code).toBe(250);
          await site.receiver.nextTo(to);
          sent += 1;
          if (sent === 25 || sent === 50 || sent === 75) kills.push(killRunners());
        }
        await client.quit();
      }),
    );
    await Promise.all(kills);
  });
});
