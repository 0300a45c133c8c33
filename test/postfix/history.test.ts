import { describeWith } from '../harness/requirements.ts';
import { Site } from './site.ts';

const LONG_BODY = 'a line that is longer\n'.repeat(20_000);

/** Does what X-Do says. */
const DOES = `import { reject } from 'postern';
  const LONG_BODY = ${JSON.stringify(LONG_BODY.slice(0, LONG_BODY.indexOf('\n') + 1))}.repeat(20_000);
  const actions = {
    'change a prefix': ({ headers }) => headers.change('X-Spam', 'changed'),
    'delete a prefix': ({ headers }) => headers.delete('X-Spam'),
    'change what is only a prefix': ({ headers }) => headers.change('X-Sp', 'added'),
    'longer body': (message) => message.replaceBody(LONG_BODY),
    'longer body and headers': (message) => {
      message.headers.insert(0, 'X-Top', 'top');
      message.headers.change('X-Spam', 'x'.repeat(500));
      message.headers.add('X-End', 'end');
      message.addRecipient('added@example.net');
      message.replaceBody(LONG_BODY);
    },
    'shorter body': (message) => message.replaceBody('short\\n'),
    quarantine: (message) => message.quarantine('suspicious: 100% sure'),
    'quarantine and reject': (message) => {
      message.quarantine('odd');
      return reject('5.7.1 Not even that');
    },
    'everything at once': ({ headers }) => {
      headers.insert(0, 'X-Zero', '0');
      headers.insert(2, 'X-Two', '2');
      headers.insertBefore('X-Spam', 'X-Before', 'x');
      headers.insertAfter('X-Spam', 'X-After', 'x');
      headers.change('X-Spam', 'changed');
      headers.delete('X-Do');
      headers.add('X-End', 'x');
    },
    'checked headers': ({ headers }) => headers.add('X-Ignored', 'x'),
    'a refused header': ({ headers }) => headers.add('X-Refused', 'x'),
  };
  export const eom = (session, message) => actions[message.headers.get('X-Do')]?.(message);`;

/** Tells in which phases it knows the queue id, under each of its names. */
const ID = (options: string) => `import { log } from 'postern';
  ${options}
  const note = (s, phase) => {
    const { queueId } = s.message;
    if (queueId !== s.macro('i') || queueId !== s.macro('{i}')) throw new Error('three names, one value');
    (s.message.state.ids ??= []).push(phase + ' ' + (queueId === undefined ? 'no' : /^[0-9A-F]+$/.test(queueId) ? 'yes' : queueId));
  };
  export const mail = (s) => note(s, 'mail');
  export const rcpt = (s, r) => note(s, 'rcpt');
  export const data = (s) => note(s, 'data');
  export const eoh = (s) => note(s, 'eoh');
  export function eom(s, m) {
    note(s, 'eom');
    m.headers.add('X-Ids', m.state.ids.join(', '));
    m.headers.add('X-Id', m.queueId);
  }`;

describeWith(['postfix'], 'what Postfix once got wrong', () => {
  let site: Site<
    'does' | 'id' | 'askedId' | 'bracedId',
    'plain' | 'unnamed' | 'prepends' | 'id' | 'askedId' | 'bracedId'
  >;

  beforeAll(async () => {
    site = await Site.start({
      filters: {
        does: DOES,
        id: ID(''),
        askedId: ID(`export const options = { macros: ['i', '{client_ptr}'] };`),
        bracedId: ID(`export const options = { macros: ['{i}'] };`),
      },
      postfix: ({ does, id, askedId, bracedId }) => ({
        settings: {
          milter_header_checks:
            'regexp:{ { /^X-Ignored:/ IGNORE } { /^X-Refused:/ REJECT as told } }',
        },
        services: {
          plain: { milters: does },
          // Then Postern has to do without what only Postfix can.
          unnamed: { milters: does, options: { milter_macro_v: 'Another MTA' } },
          prepends: {
            milters: does,
            options: {
              smtpd_recipient_restrictions:
                'check_recipient_access static:{PREPEND X-Prepended: yes} permit_mynetworks reject',
            },
          },
          id: { milters: id },
          askedId: { milters: askedId },
          bracedId: { milters: bracedId },
        },
      }),
    });
  });
  afterAll(() => site?.stop());

  const message = (action: string) =>
    `X-Spam-Level: 1\nX-Spam: 2\nX-Spam-Flag: 3\nX-Do: ${action}\nSubject: x\n\nOld body.\n`;

  async function arrives(service: Parameters<typeof site.send>[0], action: string) {
    const { end } = await site.send(service, { message: message(action) });
    expect(end?.text).toMatch(/^250 /);
    return site.receiver.next();
  }

  const listed = (arrived: Awaited<ReturnType<typeof arrives>>) =>
    arrived.headers().map(({ name, value }) => (name === 'Received' ? name : `${name}: ${value}`));

  test('a header whose name begins with that of another is left alone', async () => {
    expect(listed(await arrives('plain', 'change a prefix'))).toEqual([
      'Received',
      'X-Spam-Level: 1',
      'X-Spam: changed',
      'X-Spam-Flag: 3',
      'X-Do: change a prefix',
      'Subject: x',
    ]);
    expect(listed(await arrives('plain', 'delete a prefix')).slice(1, 3)).toEqual([
      'X-Spam-Level: 1',
      'X-Spam-Flag: 3',
    ]);
    expect(listed(await arrives('plain', 'change what is only a prefix')).slice(1)).toEqual([
      'X-Spam-Level: 1',
      'X-Spam: 2',
      'X-Spam-Flag: 3',
      'X-Do: change what is only a prefix',
      'Subject: x',
      'X-Sp: added',
    ]);
  });

  test('a body that is longer than the one before leaves the queue file whole', async () => {
    const longBody = LONG_BODY.replaceAll('\n', '\r\n');
    for (let round = 0; round < 3; round += 1) {
      expect((await arrives('plain', 'longer body')).body()).toBe(longBody);
      expect((await arrives('plain', 'shorter body')).body()).toBe('short\r\n');
    }
    const changed = await arrives('plain', 'longer body and headers');
    expect(changed.body()).toBe(longBody);
    expect(changed.recipients.map(({ address }) => address)).toEqual([
      'recipient@example.com',
      'added@example.net',
    ]);
    expect(listed(changed)).toEqual([
      'X-Top: top',
      'Received',
      'X-Spam-Level: 1',
      `X-Spam: ${'x'.repeat(500)}`,
      'X-Spam-Flag: 3',
      'X-Do: longer body and headers',
      'Subject: x',
      'X-End: end',
    ]);
  });

  test('after a quarantine the connection goes on in step', async () => {
    const client = await site.connect('plain');
    await client.ehlo();
    const replies: string[] = [];
    for (const [to, action] of [
      ['held-1', 'quarantine'],
      ['free-1', 'nothing'],
      ['held-2', 'quarantine'],
      ['refused', 'quarantine and reject'],
      ['free-2', 'shorter body'],
    ] as const) {
      await client.mail('sender@example.org');
      await client.rcpt(`${to}@example.com`);
      replies.push((await client.data(message(action))).text.replace(/ queued as .*/, ''));
    }
    await client.quit();
    const taken = '250 2.0.0 Ok:';
    expect(replies).toEqual([taken, taken, taken, '550 5.7.1 Not even that', taken]);
    for (const to of ['held-1@example.com', 'held-2@example.com']) {
      await site.postfix.waitForQueue(
        ({ queueName, recipients }) => queueName === 'hold' && recipients[0]?.address === to,
      );
    }
    expect((await site.receiver.nextTo('free-1@example.com')).body()).toBe('Old body.\r\n');
    expect((await site.receiver.nextTo('free-2@example.com')).body()).toBe('short\r\n');
  });

  test('headers come to the same places when Postern must not count on Postfix’s ways', async () => {
    const expected = [
      'X-Zero: 0',
      'Received',
      'X-Two: 2',
      'X-Spam-Level: 1',
      'X-Before: x',
      'X-Spam: changed',
      'X-After: x',
      'X-Spam-Flag: 3',
      'Subject: x',
      'X-End: x',
    ];
    expect(listed(await arrives('plain', 'everything at once'))).toEqual(expected);
    expect(listed(await arrives('unnamed', 'everything at once'))).toEqual(expected);
  });

  test('headers come to their places beside one that smtpd put above its own Received', async () => {
    expect(listed(await arrives('prepends', 'everything at once'))).toEqual([
      'X-Zero: 0',
      // Filters see this one, as the first: what was to be above it is beside it.
      'X-Prepended: yes',
      'X-Two: 2',
      'Received',
      'X-Spam-Level: 1',
      'X-Before: x',
      'X-Spam: changed',
      'X-After: x',
      'X-Spam-Flag: 3',
      'Subject: x',
      'X-End: x',
    ]);
  });

  test('milter_header_checks may take back what a filter adds, or the whole message', async () => {
    expect((await arrives('plain', 'checked headers')).header('X-Ignored')).toBeUndefined();
    const { end } = await site.send('plain', { message: message('a refused header') });
    expect(end?.text).toMatch(/^550 5\.7\.1 as told/);
  });

  test.each(['id', 'askedId', 'bracedId'] as const)(
    'i and {i} are one macro, from the first recipient on and never that of the message before: %s',
    async (service) => {
      const client = await site.connect(service);
      await client.ehlo();
      const ids: (string | undefined)[] = [];
      for (let round = 0; round < 2; round += 1) {
        await client.mail('sender@example.org');
        await client.rcpt('one@example.com');
        await client.rcpt('two@example.com');
        expect((await client.data('Subject: x\n\nx\n')).code).toBe(250);
        const arrived = await site.receiver.next();
        expect(arrived.header('X-Ids')).toBe(
          'mail no, rcpt no, rcpt yes, data yes, eoh yes, eom yes',
        );
        ids.push(arrived.header('X-Id'));
        await site.postfix.waitForLog(`${arrived.header('X-Id')}: from=<sender@example.org>`);
      }
      await client.quit();
      expect(ids[0]).not.toBe(ids[1]);
    },
  );
});
