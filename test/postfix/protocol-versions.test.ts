import { describeWith } from '../harness/requirements.ts';
import { Site } from './site.ts';

const VERSIONS = [2, 3, 4, 6] as const;

type Version = (typeof VERSIONS)[number];

/** Notes every phase and does to a message what Subject names. */
const NOTES = `import { log } from 'postern';
  const note = (s, phase) => { (s.state.phases ??= []).push(phase); };
  export const connect = (s) => note(s, 'connect ' + s.client.address);
  export const helo = (s) => note(s, 'helo');
  export const mail = (s) => note(s, 'mail');
  export const rcpt = (s, r) => note(s, 'rcpt');
  export const data = (s) => note(s, 'data');
  export const unknown = (s, command) => note(s, 'unknown ' + command);
  export const header = (s, { name, value }) => note(s, name + ':' + value);
  export const eoh = (s) => note(s, 'eoh');
  export const body = (s, chunk) => note(s, 'body ' + chunk.length);
  export const abort = (s) => note(s, 'abort');
  export const close = (s) => log.info('closed ' + s.helo, s.state);
  export function eom(s, m) {
    switch (m.headers.get('Subject')) {
      case 'headers':
        m.headers.add('X-Added', 'added');
        m.headers.add('X-Empty', '');
        m.headers.add('X-Folded', 'one\\n two');
        m.headers.change('X-Old', 'changed');
        m.headers.insert(0, 'X-Top', 'top');
        m.headers.insert(3, 'X-Second', 'second');
        m.headers.delete('X-Older');
        return;
      case 'recipients':
        m.addRecipient('added@example.net');
        m.deleteRecipient(m.recipients[0].address);
        return;
      case 'body': m.replaceBody('x'.repeat(100_000) + '\\n'); return;
      case 'sender': m.setSender('changed@example.org'); return;
      case 'arguments': m.addRecipient('added@example.net', { NOTIFY: 'NEVER' }); return;
      case 'quarantine': m.quarantine('odd'); return;
    }
  }`;

/** Wants more than one chunk of the body, but not all of it; only version 6 lets Postern say that. */
const BEGINNING = `export const options = { body: '100KB' };
  export async function eom(s, m) { m.headers.add('X-Body', String((await m.body()).length)); }`;

describeWith(['postfix'], 'milter_protocol', () => {
  let site: Site<'notes' | 'beginning', `notes${Version}` | `beginning${Version}`>;

  beforeAll(async () => {
    site = await Site.start({
      filters: { notes: NOTES, beginning: BEGINNING },
      postfix: ({ notes, beginning }) => {
        const service = (milters: string, version: Version) => ({
          milters,
          options: { milter_protocol: String(version) },
        });
        return {
          services: {
            notes2: service(notes, 2),
            notes3: service(notes, 3),
            notes4: service(notes, 4),
            notes6: service(notes, 6),
            beginning2: service(beginning, 2),
            beginning3: service(beginning, 3),
            beginning4: service(beginning, 4),
            beginning6: service(beginning, 6),
          },
        };
      },
    });
  });
  afterAll(() => site?.stop());

  let count = 0;
  const address = () => `recipient${++count}@example.com`;

  const sendWith = (version: Version, subject: string, to: string) =>
    site.send(`notes${version}`, {
      to,
      message: `Subject: ${subject}\nX-Old: old\nX-Older: older\n\nHello.\n`,
    });

  describe.each(VERSIONS)('%i', (version) => {
    test('has the phases of that version', async () => {
      const name = `version${version}.test`;
      const client = await site.connect(`notes${version}`);
      await client.ehlo(name);
      await client.command('NONSENSE');
      await client.mail('sender@example.org');
      await client.rcpt(address());
      await client.rset();
      await client.mail('sender@example.org');
      await client.rcpt(address());
      await client.data('Subject: phases\nX-Two:  spaces\nX-Folded: one\n\ttwo\n\nHello.\n');
      await client.quit();
      const { phases } = await site.postern.logged(`closed ${name}`);
      expect(phases).toEqual([
        'connect 127.0.0.1',
        'helo',
        ...(version >= 3 ? ['unknown NONSENSE'] : []),
        'mail',
        'rcpt',
        'abort',
        'mail',
        'rcpt',
        ...(version >= 4 ? ['data'] : []),
        'Subject:phases',
        'X-Two: spaces',
        'X-Folded:one\n\ttwo',
        'eoh',
        'body 8',
      ]);
    });

    test('takes headers that are added, changed, inserted and deleted, each with one space', async () => {
      const to = address();
      expect((await sendWith(version, 'headers', to)).end?.code).toBe(250);
      const text = (await site.receiver.nextTo(to)).data.toString('latin1');
      expect(text.replace(/^Received:.*(?:\r\n\t.*)*$/m, 'Received').split('\r\n')).toEqual([
        'X-Top: top',
        'Received',
        'Subject: headers',
        'X-Second: second',
        'X-Old: changed',
        'X-Added: added',
        'X-Empty: ',
        'X-Folded: one',
        ' two',
        '',
        'Hello.',
        '',
      ]);
    });

    test('takes recipients, a body of several packets and a quarantine', async () => {
      const [removed, body, held] = [address(), address(), address()];
      expect((await sendWith(version, 'recipients', removed)).end?.code).toBe(250);
      const { recipients } = await site.receiver.nextTo('added@example.net');
      expect(recipients.map((recipient) => recipient.address)).toEqual(['added@example.net']);
      expect((await sendWith(version, 'body', body)).end?.code).toBe(250);
      expect((await site.receiver.nextTo(body)).body()).toBe(`${'x'.repeat(100_000)}\r\n`);
      expect((await sendWith(version, 'quarantine', held)).end?.code).toBe(250);
      const entry = await site.postfix.waitForQueue(
        (each) => each.recipients[0]?.address === held && each.queueName === 'hold',
      );
      expect(entry.sender).toBe('sender@example.org');
    });

    // Postfix offers these to every version, though only libmilter of version 6 knows them.
    test('takes a new sender and a recipient with arguments', async () => {
      const [sender, extra] = [address(), address()];
      expect((await sendWith(version, 'sender', sender)).end?.code).toBe(250);
      expect((await site.receiver.nextTo(sender)).sender).toBe('changed@example.org');
      expect((await sendWith(version, 'arguments', extra)).end?.code).toBe(250);
      const { recipients } = await site.receiver.nextTo('added@example.net');
      expect(recipients.map(({ address }) => address)).toEqual([extra, 'added@example.net']);
      expect(recipients[1]?.args).toContain('NOTIFY=NEVER');
    });

    test('lets a filter have only the beginning of a body', async () => {
      const to = address();
      const body = 'x'.repeat(75).concat('\r\n').repeat(5000);
      const { end } = await site.send(`beginning${version}`, {
        to,
        message: `Subject: long\r\n\r\n${body}`,
      });
      expect(end?.code).toBe(250);
      const message = await site.receiver.nextTo(to);
      expect(message.header('X-Body')).toBe(String(100 * 1024));
      expect(message.body()).toBe(body);
    });
  });
});
