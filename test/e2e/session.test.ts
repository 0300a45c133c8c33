import type { MtaName } from '../harness/mta.ts';
import { daemonName } from '../harness/sendmail-config.ts';
import type { SendOptions } from '../harness/smtp-session.ts';
import { MailSystem } from './mail-system.ts';
import { onEachMta } from './on-each-mta.ts';
import { heard } from './refusals.ts';

/** Handles the end of the message alone: everything else must be known there all the same. */
const REPORTS = `export function eom(session, message) {
  message.headers.add('X-Report', JSON.stringify({
    client: session.client, helo: session.helo, phase: session.phase, hostname: session.hostname, daemon: session.daemon,
    tls: session.tls, auth: session.auth, sender: message.sender, recipients: message.recipients,
    queueId: message.queueId === session.macro('i') && message.queueId === session.macro('{i}'), size: message.size,
    headers: [...message.headers].map(({ name }) => name), unknown: session.macro('nothing') === undefined,
  }));
}`;

const COUNTS = `import { kv } from 'postern';
  export async function eom(session, message) { message.headers.add('X-Count', String(await kv.incr('messages', 1, { ttl: '1h' }))); }`;

const MACROS = `export const options = { macros: ['{client_ptr}', '{client_connections}'] };
  export function eom(session, message) { message.headers.add('X-Macros', [session.macro('client_ptr'), session.macro('client_connections') !== undefined, session.daemon.name, message.queueId !== undefined].join(' ')); }`;

const SLOW = `import { sleep } from 'postern'; export const options = { wall: '20s' }; export async function eom(session, message) { await sleep(3500); message.headers.add('X-Slow', 'yes'); }`;

const DELAYS = `import { delay, reject } from 'postern'; export function rcpt() { return delay(0.5, reject('5.7.1 After a while')); }`;

const BODY = `import { skip } from 'postern';
  export const options = { body: '64KB' };
  export function body(session, chunk) { session.message.state.chunks = (session.message.state.chunks ?? 0) + 1; session.message.state.bytes = (session.message.state.bytes ?? 0) + chunk.length; if (session.message.state.bytes >= 65535) return skip(); }
  export async function eom(session, message) { message.headers.add('X-Body', [message.state.chunks, message.state.bytes, (await message.body()).length].join(' ')); }`;

const PHASES = `import { log } from 'postern';
  const note = (session, phase) => { (session.state.phases ??= []).push(phase); };
  export const connect = (s) => note(s, 'connect'); export const helo = (s) => note(s, 'helo'); export const mail = (s) => note(s, 'mail');
  export const rcpt = (s) => note(s, 'rcpt'); export const data = (s) => note(s, 'data'); export const header = (s, h) => note(s, h.name);
  export const eoh = (s) => note(s, 'eoh'); export const body = (s, chunk) => note(s, 'body ' + chunk.length); export const eom = (s) => note(s, 'eom');
  export const unknown = (s, command) => note(s, 'unknown ' + command); export const abort = (s) => note(s, 'abort');
  export const close = (s) => { note(s, 'close'); log.info('phases of ' + s.helo, { phases: s.state.phases }); };`;

const ABORTS = `import { log } from 'postern';
  export function abort(session) { log.info('given up: ' + session.message.sender.address); }`;

interface Differences {
  /** Who sends, and what a filter sees of that. */
  readonly client: { readonly xclient: Partial<SendOptions>; readonly seen: object };
  readonly daemon: object;
  /** client_ptr, whether client_connections is there, the daemon's name, whether there is a queue id. */
  readonly macros: string;
  readonly unknown: { readonly first: string; readonly betweenMessages: readonly string[] };
  /** What needs no reply is sent together with the next command that does. */
  readonly keepsAbort: boolean;
}

const DIFFERENCES: Readonly<Record<MtaName, Differences>> = {
  postfix: {
    client: {
      xclient: {
        xclient: { ADDR: '192.0.2.99', NAME: 'client.example.net', PORT: '40025' },
      },
      seen: { address: '192.0.2.99', port: 40025, hostname: 'client.example.net', family: 'inet' },
    },
    // It has no names for its daemons.
    daemon: { name: 'mx.postern.test', address: '127.0.0.1' },
    // smtpd_peername_lookup = no
    macros: 'unknown true mx.postern.test true',
    // It passes the first word on.
    unknown: { first: 'unknown NONSENSE', betweenMessages: ['unknown NONSENSE'] },
    keepsAbort: true,
  },
  sendmail: {
    // It has no XCLIENT, so the client is on this machine, and /etc/hosts has its name.
    client: {
      xclient: {},
      seen: {
        address: '127.0.0.1',
        port: expect.any(Number),
        hostname: 'localhost',
        family: 'inet',
      },
    },
    // {daemon_addr} comes only if a filter asks for it.
    daemon: { name: daemonName(1) },
    macros: `localhost true ${daemonName(3)} true`,
    // From the end of a message to the next MAIL it has done with its filters.
    unknown: { first: 'unknown NONSENSE now', betweenMessages: [] },
    keepsAbort: false,
  },
};

onEachMta('a filter in front of a real MTA', (mta) => {
  let system: MailSystem<
    'reports' | 'counts' | 'macros' | 'slow' | 'delays' | 'body' | 'phases' | 'aborts' | 'socket'
  >;

  beforeAll(async () => {
    system = await MailSystem.start({
      mta,
      workers: 2,
      limits: { progress: '500ms' },
      places: {
        reports: { filters: { reports: REPORTS } },
        counts: { filters: { counts: COUNTS } },
        macros: { filters: { macros: MACROS } },
        // Shorter than the filter takes: only signs of life keep the MTA waiting.
        slow: { filters: { slow: SLOW }, timeoutSeconds: 2 },
        delays: { filters: { delays: DELAYS } },
        body: { filters: { body: BODY } },
        phases: { filters: { phases: PHASES } },
        aborts: { filters: { aborts: ABORTS } },
        socket: { filters: { counts: COUNTS }, unix: true },
      },
    });
  });
  afterAll(() => system?.stop());

  const header = async (name: string, to: string) =>
    (await system.receiver.nextTo(to)).header(name);

  test('knows the session at its end, though it handles nothing before', async () => {
    await system.send('reports', {
      to: ['one@example.com', 'two@example.com'],
      helo: 'mx.client.test',
      mailArgs: ['SIZE=100', 'BODY=8BITMIME'],
      ...DIFFERENCES[mta].client.xclient,
    });
    const report = JSON.parse((await header('X-Report', 'one@example.com')) ?? '') as Record<
      string,
      unknown
    >;
    expect(report).toEqual({
      client: DIFFERENCES[mta].client.seen,
      helo: 'mx.client.test',
      phase: 'eom',
      hostname: 'mx.postern.test',
      daemon: DIFFERENCES[mta].daemon,
      sender: { address: 'sender@example.org', args: { SIZE: '100', BODY: '8BITMIME' } },
      recipients: [
        { address: 'one@example.com', args: {} },
        { address: 'two@example.com', args: {} },
      ],
      queueId: true,
      size: expect.any(Number),
      headers: ['From', 'To', 'Subject'],
      unknown: true,
    });
  });

  test('counts across connections and workers, on one store', async () => {
    const counts: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      await system.send('counts', { to: `count${round}@example.com` });
      counts.push(Number(await header('X-Count', `count${round}@example.com`)));
    }
    expect(counts).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('keeps its store when the server is restarted', async () => {
    await system.send('socket', { to: 'before@example.com' });
    expect(await header('X-Count', 'before@example.com')).toBe('1');
    await system.restartPostern();
    await system.send('socket', { to: 'after@example.com' });
    expect(await header('X-Count', 'after@example.com')).toBe('2');
  });

  test('gets the macros that it asks for, and the usual ones', async () => {
    await system.send('macros', { to: 'macros@example.com' });
    expect(await header('X-Macros', 'macros@example.com')).toBe(DIFFERENCES[mta].macros);
  });

  test('that takes longer than the MTA waits keeps it waiting with signs of life', async () => {
    expect((await system.send('slow', { to: 'slow@example.com' })).end?.code).toBe(250);
    expect(await header('X-Slow', 'slow@example.com')).toBe('yes');
  });

  test('answers late when it wants to', async () => {
    const startedAt = performance.now();
    const { rcpt } = await system.send('delays');
    expect(rcpt[0]?.text).toBe(heard(mta, 'recipient@example.com', '550 5.7.1 After a while'));
    expect(performance.now() - startedAt).toBeGreaterThan(450);
  });

  test('has as much of the body as it wants', async () => {
    const body = `${'x'.repeat(98)}\r\n`.repeat(5000);
    await system.send('body', { to: 'body@example.com', message: `Subject: long\r\n\r\n${body}` });
    const message = await system.receiver.nextTo('body@example.com');
    const [, bytes = 0, kept = 0] = (message.header('X-Body') ?? '').split(' ').map(Number);
    expect(kept).toBe(65_536);
    expect(bytes).toBeGreaterThanOrEqual(65_535);
    expect(bytes).toBeLessThan(body.length);
    expect(message.body()).toHaveLength(body.length);
  });

  const phasesOf = async (helo: string) => {
    const { fields } = await system.waitForLog(({ msg }) => msg === `phases of ${helo}`);
    return (fields as { readonly phases: readonly string[] }).phases;
  };

  test('sees the phases of two messages on one connection, one of them given up', async () => {
    const client = await system.connect('phases');
    await client.ehlo('two.test');
    await client.command('NONSENSE now');
    await client.mail('sender@example.org');
    await client.rcpt('given-up@example.com');
    await client.rset();
    await client.command('NONSENSE again');
    await client.mail('sender@example.org');
    await client.rcpt('phases@example.com');
    await client.data('Subject: x\r\nX-Other: y\r\n\r\nbody\r\n');
    await client.quit();
    expect(await phasesOf('two.test')).toEqual([
      ...['connect', 'helo', DIFFERENCES[mta].unknown.first],
      ...['mail', 'rcpt', 'abort', ...DIFFERENCES[mta].unknown.betweenMessages],
      ...['mail', 'rcpt', 'data', 'Subject', 'X-Other', 'eoh', 'body 6', 'eom'],
      'close',
    ]);
  });

  test('sees a second EHLO give up the message', async () => {
    const client = await system.connect('phases');
    await client.ehlo('first.test');
    await client.mail('sender@example.org');
    await client.ehlo('second.test');
    await client.quit();
    expect(await phasesOf('second.test')).toEqual([
      ...['connect', 'helo', 'mail', 'abort', 'helo', 'close'],
    ]);
  });

  test('hears of a client that vanishes in the middle of a message: abort, then close', async () => {
    const client = await system.connect('phases');
    await client.ehlo('vanishes.test');
    await client.mail('sender@example.org');
    client.destroy();
    expect(await phasesOf('vanishes.test')).toEqual([
      ...['connect', 'helo', 'mail', 'abort', 'close'],
    ]);
  });

  test('hears of a message that is given up, even if it asks for nothing else', async () => {
    const client = await system.connect('aborts');
    await client.ehlo('aborts.test');
    await client.mail('sender@example.org');
    await client.rset();
    if (DIFFERENCES[mta].keepsAbort) await client.mail('another@example.org');
    await system.waitForLog(({ msg }) => msg === 'given up: sender@example.org');
    await client.quit();
  });
});
