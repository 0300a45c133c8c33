import { MailSystem } from './mail-system.ts';
import { onEachMta } from './on-each-mta.ts';

const PHASES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const;

/** Fails in the way and the phase that the name in HELO says; at connect, always. */
const FAILS = (onError: string) => `import type { Session } from 'postern';
  export const options = { onError: '${onError}', wall: '1s', memory: '32MB' };
  function fail(session: Session, phase: string): unknown {
    const [how, at] = (session.helo ?? '').split('-');
    if (at !== phase) return undefined;
    switch (how) {
      case 'throws': throw new Error('thrown in ' + phase);
      case 'loops': for (;;);
      case 'waits': return new Promise(() => {});
      case 'eats': { const all = []; for (;;) all.push('x'.repeat(1e6 + all.length)); }
      case 'aborts': return 'a'.repeat(2 ** 28).split('').length;
    }
  }
  ${PHASES.filter((phase) => phase !== 'connect')
    .map((phase) => `export const ${phase} = (session) => fail(session, '${phase}');`)
    .join('\n')}`;

const FAILS_AT_CONNECT = `export const options = { onError: 'tempfail' }; export function connect() { for (;;); }`;

/** Counts what it sees in session.state, so that a lost state shows. */
const REMEMBERS = `export const options = { cpu: '500ms' }; // it shall not fail on a busy machine
  export function mail(session) { session.state.messages = (session.state.messages ?? 0) + 1; }
  export function eom(session, message) { message.headers.add('X-Messages', String(session.state.messages)); }`;

onEachMta('a filter that fails in front of a real MTA', (mta) => {
  let system: MailSystem<'fails' | 'accepts' | 'rejects' | 'continues' | 'connect' | 'remembers'>;

  beforeAll(async () => {
    system = await MailSystem.start({
      mta,
      places: {
        fails: { filters: { fails: FAILS('tempfail') } },
        accepts: { filters: { fails: FAILS('accept') } },
        rejects: { filters: { fails: FAILS('reject') } },
        continues: { filters: { fails: FAILS('continue') } },
        connect: { filters: { fails: FAILS_AT_CONNECT } },
        remembers: { filters: { remembers: REMEMBERS } },
      },
      settings: { postfix: { smtpd_delay_reject: 'no' } },
    });
  });
  afterAll(() => system?.stop());

  let count = 0;
  const address = () => `recipient${++count}@example.com`;

  /** Codes of the whole session, the worst of them first. */
  const worst = ({
    greeting,
    ehlo,
    mail,
    rcpt,
    data,
    end,
  }: Awaited<ReturnType<typeof system.send>>) =>
    Math.max(
      ...[greeting, ehlo, mail, ...rcpt, data, end].map((reply) =>
        reply && reply.code >= 400 ? reply.code : 0,
      ),
    );

  test.each(
    PHASES.filter((phase) => phase !== 'connect').flatMap((phase) =>
      ['throws', 'loops', 'waits', 'eats', 'aborts'].map((how) => [how, phase] as const),
    ),
  )(
    '%s in %s: that message gets onError, the next one passes, others notice nothing',
    async (how, phase) => {
      const other = await system.connect('remembers');
      await other.ehlo();
      const talk = async (to: string) => {
        await other.mail('sender@example.org');
        await other.rcpt(to);
        const { code } = await other.data('Subject: beside\r\n\r\nx\r\n');
        return code;
      };
      const [first, second] = [address(), address()];
      expect(await talk(first)).toBe(250);
      const [failed, beside] = await Promise.all([
        system.send('fails', { helo: `${how}-${phase}`, to: address() }),
        talk(second),
      ]);
      expect(worst(failed)).toBeGreaterThanOrEqual(450);
      expect(worst(failed)).toBeLessThan(460);
      expect(beside).toBe(250);
      expect((await system.receiver.nextTo(second)).header('X-Messages')).toBe('2');
      await other.quit();

      const next = address();
      expect((await system.send('fails', { helo: 'harmless', to: next })).end?.code).toBe(250);
      await system.receiver.nextTo(next);
    },
  );

  test('loops in connect: the MTA greets and then refuses every command for now; nobody else notices', async () => {
    for (let round = 0; round < 2; round += 1)
      expect(worst(await system.send('connect'))).toBe(451);
    expect((await system.send('remembers', { to: address() })).end?.code).toBe(250);
  });

  test.each([
    ['accepts', 250],
    ['continues', 250],
    ['rejects', 550],
  ] as const)('and %s when it fails', async (place, code) => {
    const to = address();
    const transcript = await system.send(place, { helo: 'throws-rcpt', to });
    expect(transcript.end?.code ?? transcript.rcpt[0]?.code).toBe(code);
  });

  test('is named in the log with its phase, queue id and line', async () => {
    await system.send('fails', { helo: 'throws-eom', to: address() });
    const line = await system.waitForLog(
      ({ msg }) => msg === 'filter fails-fails failed in eom: Error: thrown in eom',
    );
    expect(line).toMatchObject({
      level: 'error',
      filter: 'fails-fails',
      phase: 'eom',
      why: 'throw',
      answered: 'tempfail',
      queueId: expect.stringMatching(/^\w+$/),
    });
    expect(line.at).toMatch(/filters\/fails-fails\.ts:7:\d+$/);
  });
});
