import { describeWith } from '../harness/requirements.ts';
import { MailSystem } from './mail-system.ts';

/** Answers as the name in HELO says: `reject-mail`, `tempfail-eom`, `discard-data`, `accept-rcpt`, ... */
const OBEDIENT = `import { accept, discard, kv, log, reject, tempfail, type Session } from 'postern';
  function obey(session: Session, phase: string) {
    const [verdict, at] = (session.helo ?? '').split('-');
    if (at !== phase) return undefined;
    if (verdict === 'reject') return reject(554, '5.7.' + phase.length, 'No ' + phase + ', 100% sure');
    if (verdict === 'tempfail') return tempfail(451, '4.7.' + phase.length, 'Not now, ' + phase);
    if (verdict === 'lines') return reject(550, '5.7.1', ['First line', 'second line']);
    if (verdict === 'plain') return reject();
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

const AT_CONNECT = (verdict: string) =>
  `import { accept, reject, tempfail } from 'postern'; export function connect() { return ${verdict}; } export function mail() { return reject('5.0.0 mail was asked for'); }`;

describeWith(['postfix'], 'a verdict', () => {
  let system: MailSystem<'obedient' | 'refusing' | 'busy' | 'accepting'>;

  beforeAll(async () => {
    system = await MailSystem.start({
      places: {
        obedient: { filters: { obeys: OBEDIENT } },
        refusing: { filters: { refuses: AT_CONNECT(`reject(554, '5.7.1', 'We do not talk')`) } },
        busy: { filters: { busy: AT_CONNECT(`tempfail(421, '4.7.0', 'Too many connections')`) } },
        accepting: { filters: { accepts: AT_CONNECT('accept()') } },
      },
      // The HELO is refused when it comes, not at RCPT.
      settings: { smtpd_delay_reject: 'no' },
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

  test('reject in helo refuses HELO, and Postfix passes its text on', async () => {
    const transcript = await system.send('obedient', { helo: 'reject-helo' });
    const heard = [transcript.ehlo, transcript.mail, ...transcript.rcpt].find(
      (reply) => reply && reply.code >= 500,
    );
    expect(heard?.text).toBe('554 5.7.4 No helo, 100% sure');
  });

  test('of several lines arrives as several lines', async () => {
    const transcript = await system.send('obedient', { helo: 'lines-mail' });
    expect(transcript.mail?.lines).toHaveLength(2);
    expect(transcript.mail?.text).toBe('550-5.7.1 First line\n550 5.7.1 second line');
  });

  test('without a text has the text of the MTA', async () => {
    expect((await system.send('obedient', { helo: 'plain-rcpt' })).rcpt[0]?.text).toMatch(
      /^550 5\.7\.1 .*Command rejected/,
    );
  });

  test('of 421 ends the SMTP session', async () => {
    const transcript = await system.send('obedient', { helo: 'busy-mail' });
    expect(transcript.mail?.text).toBe('421 4.3.2 Closing');
    expect(transcript.quit).toBeUndefined();
  });

  test('reject in connect is the code of the greeting; its text is Postfix’s own', async () => {
    const client = await system.connect('refusing');
    expect(client.greeting.text).toBe('554 mx.postern.test ESMTP not accepting connections');
    await client.ehlo();
    expect((await client.mail('sender@example.org')).code).toBe(554);
    client.destroy();
  });

  test('tempfail in connect sends the client away for now', async () => {
    const client = await system.connect('busy');
    expect(client.greeting.code).toBe(421);
    client.destroy();
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
      const transcript = await system.send('obedient', { helo: `discard-${phase}`, to });
      expect(transcript.end?.code).toBe(250);
      await system.postfix.waitForLog(
        new RegExp(`milter-discard: .* proto=ESMTP helo=<discard-${phase}>`),
      );
      await system.send('obedient', { helo: 'harmless', to: 'marker@example.com' });
      await system.receiver.nextTo('marker@example.com');
      expect(system.receiver.messages.some(({ recipients }) => recipients[0]?.address === to)).toBe(
        false,
      );
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
