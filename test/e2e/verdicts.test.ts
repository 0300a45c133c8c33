import type { MtaName } from '../harness/mta.ts';
import { MailSystem } from './mail-system.ts';
import { onEachMta } from './on-each-mta.ts';
import { AT_CONNECT, heard, OWN_TEXTS } from './refusals.ts';

/** Answers as the name in HELO says: `reject-mail`, `tempfail-eom`, `discard-data`, `accept-rcpt`, ... */
const OBEDIENT = `import { accept, discard, kv, log, reject, tempfail, type Session } from 'postern';
  function obey(session: Session, phase: string) {
    const [verdict, at] = (session.helo ?? '').split('-');
    if (at !== phase) return undefined;
    if (verdict === 'reject') return reject(554, '5.7.' + phase.length, 'No ' + phase + ', 100% sure');
    if (verdict === 'tempfail') return tempfail(451, '4.7.' + phase.length, 'Not now, ' + phase);
    if (verdict === 'lines') return reject(550, '5.7.1', ['First line', 'second line']);
    if (verdict === 'plain') return reject();
    if (verdict === 'later') return tempfail();
    if (verdict === 'busy') return tempfail(421, '4.3.2', 'Closing');
    if (verdict === 'discard') return discard();
    if (verdict === 'accept') return accept();
  }
  export const helo = (s) => obey(s, 'helo');
  export const mail = (s) => obey(s, 'mail');
  export const rcpt = (s, recipient) => recipient.address.startsWith('second') ? undefined : obey(s, 'rcpt');
  export const data = (s) => obey(s, 'data');
  export const header = (s, h) => h.name === 'Subject' ? obey(s, 'header') : undefined;
  export const eoh = (s) => obey(s, 'eoh');
  export const body = (s) => obey(s, 'body');
  export const eom = (s, m) => { m.headers.add('X-Reached', 'eom'); return obey(s, 'eom'); };`;

const CONNECTS = (verdict: string) =>
  `import { accept, reject, tempfail } from 'postern'; export function connect() { return ${verdict}; } export function mail() { return reject('5.0.0 mail was asked for'); }`;

/** How it logs that it drops a message because a filter said so. */
const DISCARDED: Readonly<Record<MtaName, RegExp>> = {
  postfix: /milter-discard: /,
  // Replies of filters as its trace shows them, before the end of the message and at it.
  sendmail: /(returned|state) d$/m,
};

onEachMta('a verdict', (mta) => {
  let system: MailSystem<'obedient' | 'refusing' | 'later' | 'busy' | 'accepting'>;

  beforeAll(async () => {
    system = await MailSystem.start({
      mta,
      places: {
        obedient: { filters: { obeys: OBEDIENT } },
        refusing: { filters: { refuses: CONNECTS(`reject(554, '5.7.1', 'We do not talk')`) } },
        later: { filters: { refuses: CONNECTS(`tempfail(451, '4.7.1', 'Not today')`) } },
        busy: { filters: { busy: CONNECTS(`tempfail(421, '4.7.0', 'Too many connections')`) } },
        accepting: { filters: { accepts: CONNECTS('accept()') } },
      },
      // The HELO is refused when it comes, not at RCPT.
      settings: { postfix: { smtpd_delay_reject: 'no' } },
    });
  });
  afterAll(() => system?.stop());

  test.each(['mail', 'rcpt', 'data'] as const)(
    'reject in %s is what the client hears, word for word',
    async (phase) => {
      const transcript = await system.send('obedient', { helo: `reject-${phase}` });
      const reply = phase === 'rcpt' ? transcript.rcpt[0] : transcript[phase];
      expect(reply?.text).toBe(`554 5.7.${phase.length} No ${phase}, 100% sure`);
    },
  );

  test.each(['header', 'eoh', 'body', 'eom'] as const)(
    'reject in %s is what the client hears at the end of the message',
    async (phase) => {
      const transcript = await system.send('obedient', { helo: `reject-${phase}` });
      expect(transcript.data?.code).toBe(354);
      expect(transcript.end?.text).toBe(`554 5.7.${phase.length} No ${phase}, 100% sure`);
    },
  );

  test.each(['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const)(
    'tempfail in %s is what the client hears',
    async (phase) => {
      const transcript = await system.send('obedient', { helo: `tempfail-${phase}` });
      const reply =
        phase === 'rcpt'
          ? transcript.rcpt[0]
          : phase === 'mail' || phase === 'data'
            ? transcript[phase]
            : transcript.end;
      expect(reply?.text).toBe(`451 4.7.${phase.length} Not now, ${phase}`);
    },
  );

  test('in helo lets the client say HELO, and refuses what follows', async () => {
    const { ehlo, mail } = await system.send('obedient', { helo: 'reject-helo' });
    expect(ehlo?.code).toBe(250);
    expect(mail?.text).toBe('554 5.7.4 No helo, 100% sure');
  });

  test('of several lines arrives as several lines', async () => {
    const { mail } = await system.send('obedient', { helo: 'lines-mail' });
    const lines = '550-5.7.1 First line\n550 5.7.1 second line';
    expect(mail?.text).toBe(heard(mta, 'sender@example.org', lines));
  });

  test.each(['helo', 'mail', 'rcpt', 'data', 'eom'] as const)(
    'without a text in %s has the text of the MTA',
    async (phase) => {
      for (const [word, texts] of [
        ['plain', OWN_TEXTS[mta].reject],
        ['later', OWN_TEXTS[mta].tempfail],
      ] as const) {
        const { quit, greeting, ...phases } = await system.send('obedient', {
          helo: `${word}-${phase}`,
        });
        const replies = [phases.ehlo, phases.mail, ...phases.rcpt, phases.data, phases.end];
        expect(replies.find((reply) => reply && reply.code >= 400)?.text).toBe(texts[phase]);
      }
    },
  );

  test('of 421 ends the SMTP session', async () => {
    const transcript = await system.send('obedient', { helo: 'busy-mail' });
    expect(transcript.mail?.text).toBe('421 4.3.2 Closing');
    expect(transcript.quit).toBeUndefined();
  });

  test.each(['refusing', 'later'] as const)('in connect: %s', async (place) => {
    const expected = AT_CONNECT[mta][place];
    const client = await system.connect(place);
    expect(client.greeting.text).toMatch(expected.greeting);
    await client.ehlo();
    expect((await client.mail('sender@example.org')).text).toBe(expected.mail);
    client.destroy();
  });

  test('of 421 in connect sends the client away for now', async () => {
    const client = await system.connect('busy');
    expect(client.greeting.code).toBe(421);
    await client.closed;
  });

  test('accept in connect keeps the filter out of the whole connection', async () => {
    const transcript = await system.send('accepting');
    expect(transcript.end?.code).toBe(250);
    await system.receiver.nextTo('recipient@example.com');
  });

  test.each(['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const)(
    'discard in %s takes the message and drops it',
    async (phase) => {
      const to = `discarded-in-${phase}@example.com`;
      const after = system.mta.log().length;
      const transcript = await system.send('obedient', { helo: `discard-${phase}`, to });
      expect(transcript.end?.code).toBe(250);
      await system.mta.waitForLog(DISCARDED[mta], { after });
      await system.send('obedient', { helo: 'harmless', to: 'marker@example.com' });
      await system.receiver.nextTo('marker@example.com');
      const everywhere = [...system.receiver.messages, ...(await system.mta.queue())];
      expect(everywhere.some(({ recipients }) => recipients[0]?.address === to)).toBe(false);
    },
  );

  test.each(['mail', 'rcpt', 'data'] as const)(
    'accept in %s lets the message pass without the rest of the filter',
    async (phase) => {
      const to = `accepted-in-${phase}@example.com`;
      expect((await system.send('obedient', { helo: `accept-${phase}`, to })).end?.code).toBe(250);
      expect((await system.receiver.nextTo(to)).header('X-Reached')).toBeUndefined();
    },
  );

  test('about one recipient leaves the others alone', async () => {
    const to = ['first@example.com', 'second@example.com'];
    const transcript = await system.send('obedient', { helo: 'reject-rcpt', to });
    expect(transcript.rcpt.map(({ code }) => code)).toEqual([554, 250]);
    expect(transcript.end?.code).toBe(250);
    const message = await system.receiver.nextTo('second@example.com');
    expect(message.recipients.map(({ address }) => address)).toEqual(['second@example.com']);
  });

  test('about one message is not one about the next on the same connection', async () => {
    const client = await system.connect('obedient');
    await client.ehlo('reject-eom');
    await client.mail('sender@example.org');
    await client.rcpt('first@example.com');
    expect((await client.data('Subject: one\r\n\r\nx\r\n')).code).toBe(554);
    await client.mail('sender@example.org');
    await client.rset();
    await client.ehlo('harmless');
    await client.mail('other@example.org');
    await client.rcpt('after-rset@example.com');
    expect((await client.data('Subject: two\r\n\r\nx\r\n')).code).toBe(250);
    await client.quit();
    expect((await system.receiver.nextTo('after-rset@example.com')).sender).toBe(
      'other@example.org',
    );
  });

  test('arrives in its place in a pipeline', async () => {
    const client = await system.connect('obedient');
    await client.ehlo('reject-rcpt');
    const replies = await client.pipeline([
      'MAIL FROM:<sender@example.org>',
      'RCPT TO:<first@example.com>',
      'RCPT TO:<second-piped@example.com>',
      'DATA',
    ]);
    expect(replies.map(({ code }) => code)).toEqual([250, 554, 250, 354]);
    expect((await client.content('Subject: piped\r\n\r\nx\r\n')).code).toBe(250);
    await client.quit();
    await system.receiver.nextTo('second-piped@example.com');
  });
});
