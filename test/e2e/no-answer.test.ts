import type { MtaName } from '../harness/mta.ts';
import { MailSystem } from './mail-system.ts';
import { onEachMta } from './on-each-mta.ts';

const ACCEPTS = `export function eom(session, message) { message.headers.add('X-Seen', 'yes'); }`;

const SLEEPS = `import { sleep } from 'postern';
  export async function rcpt(session, { address }) { if (address.startsWith('slow')) await sleep(2500); }`;

/**
 * What a client hears where the MTA has no answer of its filter and is told to put mail off:
 * milter_default_action = tempfail, F=T.
 */
const PUT_OFF: Readonly<Record<MtaName, string>> = {
  postfix: '451 4.7.1 Service unavailable - try again later',
  sendmail: '451 4.3.2 Please try again later',
};

onEachMta('an MTA without an answer', (mta) => {
  let system: MailSystem<'accepts' | 'sleeps'>;

  beforeAll(async () => {
    system = await MailSystem.start({
      mta,
      places: {
        accepts: { filters: { accepts: ACCEPTS } },
        sleeps: { filters: { sleeps: SLEEPS }, timeoutSeconds: 1 },
      },
    });
  });
  afterAll(() => system?.stop());

  test('puts mail off while Postern is away, and goes on as soon as it is back', async () => {
    await system.postern.stop();
    for (let round = 0; round < 2; round += 1) {
      expect((await system.send('accepts')).mail?.text).toBe(PUT_OFF[mta]);
    }
    await system.restartPostern();
    const to = 'back@example.com';
    expect((await system.send('accepts', { to })).end?.code).toBe(250);
    expect((await system.receiver.nextTo(to)).header('X-Seen')).toBe('yes');
  });

  test('puts off the message in which Postern dies, and what follows in that session', async () => {
    const client = await system.connect('accepts');
    await client.ehlo();
    await client.mail('sender@example.org');
    await client.rcpt('dies@example.com');
    await system.postern.stop('SIGKILL');
    expect((await client.data('Subject: x\r\n\r\nx\r\n')).text).toBe(PUT_OFF[mta]);
    await system.restartPostern();
    await client.rset();
    expect((await client.mail('sender@example.org')).text).toBe(PUT_OFF[mta]);
    await client.quit();
    expect((await system.send('accepts')).end?.code).toBe(250);
  });

  test('does not wait for ever: the message is put off, the next session is served', async () => {
    const startedAt = performance.now();
    const { rcpt } = await system.send('sleeps', { to: 'slow@example.com' });
    expect(rcpt[0]?.text).toBe(PUT_OFF[mta]);
    expect(performance.now() - startedAt).toBeLessThan(2400);
    expect((await system.send('sleeps', { to: 'quick@example.com' })).end?.code).toBe(250);
  });

  test('leaves nothing of all that behind in its queue', async () => {
    expect(await system.mta.queue()).toEqual([]);
  });
});
