import { folderWith, postern } from './postern.ts';

const FILTER = `import { kv, log, reject, type Message, type Recipient, type Session } from 'postern';
export function rcpt(_: Session, recipient: Recipient) { if (recipient.address === 'gone@example.com') return reject(550, '5.1.1', 'Gone, 100% sure'); }
export async function eom(session: Session, message: Message) {
  log.info('looked', { user: session.auth?.user });
  if (message.headers.get('Subject') === 'bad') return reject('5.7.1 Bad subject');
  if (message.headers.get('Subject') === 'fails') throw new Error('boom');
  message.headers.add('X-Seen', [session.client.address, session.helo, message.sender.address, message.recipients.length, await kv.incr('n')].join(' '));
}
`;

describe('postern try', () => {
  let folder: Awaited<ReturnType<typeof folderWith>>;

  beforeAll(async () => {
    folder = await folderWith({
      'filter.ts': FILTER,
      'good.eml':
        'From: a@example.org\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\nX-Folded: one\n two\n\nbody\n',
      'bad.eml': 'Subject: bad\r\n\r\nbody\r\n',
      'fails.eml': 'Subject: fails\n\n',
      'no.eml': 'this is no header\n\nbody\n',
    });
  });
  afterAll(() => folder.remove());

  test('shows each phase, what changes, and what the MTA hears', async () => {
    const { code, stdout } = await postern(
      folder.path,
      'try',
      'filter.ts',
      '--message',
      'good.eml',
      '--from',
      'me@example.org',
      '--rcpt',
      'gone@example.com',
      '--rcpt',
      'b@example.com',
      '--client',
      '2001:db8::7',
      '--helo',
      'mx.test',
      '--macro',
      'auth_type=PLAIN',
      '--macro',
      'auth_authen=ann',
    );
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
      'rcpt     filter           reject 550 5.1.1 Gone, 100% sure',
      'rcpt     filter           continue',
      'eom      filter           continue',
      '                          add header X-Seen: 2001:db8::7 mx.test me@example.org 1 1',
      '',
      'info: looked {"user":"ann"}',
      '',
      'the MTA hears, rcpt <gone@example.com>: 550 5.1.1 Gone, 100% sure',
      'the MTA hears, eom: continue',
      '',
    ]);
  });

  test('says the same as JSON', async () => {
    const { stdout } = await postern(
      folder.path,
      'try',
      'filter.ts',
      '--message',
      'bad.eml',
      '--json',
    );
    const trial = JSON.parse(stdout) as {
      events: { phase: string; steps: { verdict: object }[] }[];
      replies: { phase: string; reply: object }[];
    };
    expect(trial.events.at(-1)).toMatchObject({
      phase: 'eom',
      steps: [
        {
          filter: 'filter',
          verdict: {
            kind: 'reject',
            reply: { code: 550, enhanced: '5.7.1', lines: ['Bad subject'] },
          },
        },
      ],
    });
    expect(trial.replies.at(-1)).toMatchObject({ phase: 'eom', reply: { kind: 'replycode' } });
  });

  test('ends with 1 when a filter fails, and names the line', async () => {
    const { code, stdout } = await postern(
      folder.path,
      'try',
      'filter.ts',
      '--message',
      'fails.eml',
    );
    expect(code).toBe(1);
    expect(stdout).toContain('FAILED: Error: boom');
    expect(stdout).toMatch(/\(filter\.ts:6:\d+\)/);
  });

  test.each([
    [['none.ts'], /none\.ts/],
    [['filter.ts', '--message', 'none.eml'], /none\.eml: cannot read the message/],
    [['filter.ts', '--message', 'no.eml'], /no\.eml:1: expected a header/],
  ])('ends with 2 for what it cannot use: %j', async (args, expected) => {
    const { code, said } = await postern(folder.path, 'try', ...args);
    expect({ code, said: said.join('\n') }).toEqual({
      code: 2,
      said: expect.stringMatching(expected),
    });
  });

  test('gives a filter every store that it names, in memory', async () => {
    const source = `import { kv, log } from 'postern';
      export async function eom() {
        await kv.store('fleet').set('a', 1);
        log.info(JSON.stringify(await kv.group('both').get('a')));
      }`;
    const stores = await folderWith({ 'stores.ts': source });
    const { code, stdout } = await postern(stores.path, 'try', 'stores.ts');
    await stores.remove();
    expect(stdout).toContain('info: {"default":{},"fleet":{"value":1}}');
    expect(code).toBe(0);
  });
});
