import { once } from 'node:events';
import { createServer } from 'node:net';
import { Gate } from '../../../src/auth/gate.ts';
import { LoginServer, MissingSecretError } from '../../../src/auth/http/server.ts';
import { DEFAULT_LOGIN_LIMITS } from '../../../src/auth/limits.ts';
import { pollFor } from '../../harness/waiting.ts';
import { dovecotSample, dovecotText, nginxText } from '../samples.ts';
import { stubGate } from '../stub-gate.ts';
import { LoginSite, parse, untilClosed } from './login-site.ts';

let site: LoginSite | undefined;

afterEach(async () => {
  await site?.stop();
  site = undefined;
});

const QUIET = `export const auth = () => {};`;
const ALLOW = dovecotText('allow-2.3-imap');

async function started(...args: Parameters<typeof LoginSite.start>): Promise<LoginSite> {
  site = await LoginSite.start(...args);
  return site;
}

test('Dovecot hears integer statuses, and the filters what it reports', async () => {
  const { post, under } = bound(
    await started(`import { log, reject, delay } from 'postern';
    export const auth = ({ login }) => login === 'bad' ? reject('5.7.1 go away') : login === 'slow' ? delay(2.5) : undefined;
    export const login = ({ success, reason }) => log.info(success + ' ' + reason);`),
  );
  const sample = dovecotSample('allow-2.3-imap');
  const allow = async (login: string) =>
    JSON.parse((await post('/dovecot?command=allow', { ...sample, login })).body);
  expect(await allow('alice')).toEqual({ status: 0, msg: '' });
  expect(await allow('bad')).toEqual({ status: -1, msg: 'go away' });
  expect(await allow('slow')).toEqual({ status: 3, msg: '' });
  const report = await post('/dovecot?command=report', dovecotText('report-2.4-account'));
  expect(JSON.parse(report.body)).toEqual({ status: 0, msg: '' });
  expect(under.said).toEqual(['false account']);
});

test('nginx hears headers alone, and the password goes nowhere', async () => {
  const running = await started(`import { log, reject } from 'postern';
    export const auth = (attempt) => { log.info(JSON.stringify(attempt)); if (attempt.login === 'bad') return reject('${'n€in '.repeat(120)}'); };`);
  const ok = await running.raw(nginxText('imap-plain'));
  expect(ok).toMatch(
    /^HTTP\/1\.1 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 192\.0\.2\.10\r\nAuth-Port: 143\r\n/,
  );
  const refused = await running.raw(nginxText('imap-plain').replace('al%25ice%20x', 'bad'));
  expect(refused).toMatch(/\r\nAuth-Status: \[AUTHENTICATIONFAILED\] n/);
  expect(refused).toMatch(/\r\nAuth-Wait: 3\r\n/);
  expect(refused.length).toBeLessThan(1024);
  const everything = JSON.stringify([running.under.said, running.under.logged, running.lines]);
  expect(everything).toContain('al%ice x');
  expect(everything).not.toMatch(/s3cr|s3cret/);
});

test('an event is answered at once, though its filter never ends', async () => {
  const running = await started(
    `import { log, sleep } from 'postern'; export async function event({ name }) { log.info(name); await sleep(60_000); }`,
  );
  expect(await running.post('/events', dovecotText('event-imap-command'))).toMatchObject({
    status: 200,
    body: '',
  });
  await running.under.logs(({ text }) => text === 'imap_command_finished');
});

test('a lease that a login takes is held until its session ends', async () => {
  const running = await started(`import { kv, reject } from 'postern';
    export async function auth({ login }) {
      const { acquired } = await kv.lease(login, { limit: 1, ttl: '1m' });
      if (!acquired) return reject('[LIMIT] one login at a time');
    }`);
  const allow = async (session_id: string) =>
    JSON.parse(
      (
        await running.post('/dovecot?command=allow', {
          ...dovecotSample('allow-2.3-imap'),
          session_id,
        })
      ).body,
    );
  const first = 'q2QN9Ldg1tp/AAAB';
  expect(await allow(first)).toMatchObject({ status: 0 });
  expect(await allow(first)).toMatchObject({ status: 0 });
  await running.post('/dovecot?command=report', dovecotText('report-2.3-success'));
  expect(await allow('second')).toEqual({ status: -1, msg: '[LIMIT] one login at a time' });
  await running.post('/events', dovecotText('event-session-finished'));
  await pollFor(async () => !(await running.under.store.has('filter/alice')) || undefined, {
    timeoutMs: 5000,
    failure: () => 'the lease is still held',
  });
  expect(await allow('third')).toMatchObject({ status: 0 });
});

describe('the secret', () => {
  const secret = 'tür-schlüssel';
  const basic = (password: string) => ({
    Authorization: `Basic ${Buffer.from(`wforce:${password}`).toString('base64')}`,
  });
  const utf8 = Buffer.from(secret, 'utf8').toString('latin1');

  test('is taken from its header, from X-API-Key, or as Dovecot sends Basic, with two spaces', async () => {
    const { raw } = bound(await started(QUIET, { secret }));
    const sent = async (...lines: string[]) =>
      parse(
        await raw(
          Buffer.from(
            [`GET /dovecot?command=ping HTTP/1.0`, ...lines, '', ''].join('\r\n'),
            'latin1',
          ),
        ),
      ).status;
    expect(await sent(`X-Postern-Secret:  ${utf8} `)).toBe(200);
    expect(await sent(`X-API-Key: ${utf8}`)).toBe(200);
    expect(await sent(`Authorization:  ${basic(secret).Authorization}`)).toBe(200);
    expect(await sent('Authorization: Basic !!!')).toBe(401);
  });

  test.each([
    ['POST', '/dovecot?command=allow'],
    ['GET', '/dovecot?command=ping'],
    ['GET', '/nginx'],
    ['POST', '/events'],
    ['GET', '/unknown'],
  ])('is needed for %s %s, and never logged', async (method, path) => {
    const running = await started(QUIET, { secret });
    for (const headers of [{}, { 'X-Postern-Secret': 'guess-1' }, basic('guess-2')]) {
      const request =
        method === 'GET' ? running.get(path, headers) : running.post(path, ALLOW, headers);
      expect(await request).toMatchObject({ status: 401 });
    }
    expect(running.lines).toHaveLength(3);
    expect(JSON.stringify(running.lines)).not.toMatch(/guess|schl/);
  });

  test('may be absent on loopback only', () => {
    const open = (trustedLoopback: boolean, without: string | undefined) =>
      new LoginServer({
        gate: stubGate().gate,
        log: console,
        trustedLoopback,
        nginx: {},
        limits: DEFAULT_LOGIN_LIMITS,
        ...(without !== undefined && { secret: without }),
      });
    expect(() => open(false, undefined)).toThrow(MissingSecretError);
    expect(() => open(false, '')).toThrow(MissingSecretError);
  });
});

test.each([
  ['POST', '/dovecot?command=allow', '{"login":', 400],
  ['POST', '/dovecot?command=allow', '[1]', 400],
  ['POST', '/dovecot?command=allow', '', 400],
  ['POST', '/dovecot?command=report', '{"login":"a"}', 400],
  ['POST', '/dovecot?command=constructor', '{}', 404],
  ['POST', '/dovecot', '{}', 404],
  ['GET', '/dovecot?command=allow', '', 405],
  ['GET', '/dovecot?command=addBLEntry', '', 405],
  ['POST', '/dovecot?command=addBLEntry', '{"ip":"x"}', 400],
  ['POST', '/nginx', '{}', 405],
  ['GET', '/nginx', '', 400],
  ['GET', '/events', '', 405],
  ['POST', '/events', '{"event":7}', 400],
  ['GET', '/', '', 404],
  ['GET', '//[', '', 404],
  ['GET', '/dovecot/../events', '', 404],
])(
  '%s %s with %j is an error of its own, and the next request is served',
  async (method, path, body, status) => {
    const running = await started(QUIET);
    const answer = method === 'GET' ? await running.get(path) : await running.post(path, body);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual({ status: 'failure', reason: expect.any(String) });
    expect((await running.post('/dovecot?command=allow', ALLOW)).status).toBe(200);
  },
);

test('a body that is too long is refused, announced or not', async () => {
  const running = await started(QUIET, { limits: { bodyBytes: 1000 } });
  const long = JSON.stringify({ login: 'a'.repeat(2000) });
  expect((await running.post('/dovecot?command=allow', long)).status).toBe(413);
  const chunked = `POST /dovecot?command=allow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n${'a'.repeat(2000)}\r\n`;
  const socket = await running.socket();
  socket.write(chunked);
  expect(parse(await untilClosed(socket)).status).toBe(413);
});

test('headers without end are refused', async () => {
  const running = await started(QUIET);
  expect(
    parse(await running.raw(`GET /nginx HTTP/1.0\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`)).status,
  ).toBe(431);
});

test('logins that are no text of this world go to the filters and back', async () => {
  const running = await started(
    `import { log } from 'postern'; export const auth = ({ login }) => { log.info(JSON.stringify(login)); };`,
  );
  const logins = [
    '\u0000',
    '\ud800',
    "'; --",
    '../../x',
    '😀'.repeat(200),
    '__proto__',
    'a\r\nb',
    '',
  ];
  for (const login of logins) {
    expect((await running.post('/dovecot?command=allow', { login, pwhash: '1' })).body).toBe(
      '{"status":0,"msg":""}',
    );
  }
  expect(running.under.said.map((said) => JSON.parse(said))).toEqual(logins);
});

test('a byte at a time is not a request for long', async () => {
  const running = await started(QUIET, { limits: { requestMs: 400 } });
  for (const begin of [
    'POST /dov',
    'POST /dovecot?command=allow HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{',
  ]) {
    const socket = await running.socket();
    socket.write(begin);
    const drip = setInterval(() => socket.write('a'), 50);
    const said = await untilClosed(socket);
    clearInterval(drip);
    expect(parse(said).status).toBe(408);
  }
});

test('a thousand idle connections are in nobody’s way, and too many are turned away', async () => {
  const running = await started(QUIET, { limits: { connections: 1002 } });
  const idle = [];
  for (let n = 0; n < 1000; n++) idle.push(await running.socket());
  const request = `POST /dovecot?command=allow HTTP/1.1\r\nHost: x\r\nContent-Length: ${ALLOW.length}\r\n\r\n${ALLOW}`;
  const kept = idle[0]!;
  kept.write(request);
  const [first] = (await once(kept, 'data')) as [Buffer];
  expect(first.toString()).toContain('{"status":0,"msg":""}');
  expect(first.toString()).toMatch(/keep-alive: timeout=15/i);
  await running.socket();
  await running.socket();
  const turnedAway = await running.socket();
  expect(await untilClosed(turnedAway)).toBe('');
  expect(running.lines.map(({ text }) => text)).toContain(
    'turning login servers away: too many connections',
  );
  kept.write(request);
  expect(String((await once(kept, 'data'))[0])).toContain('{"status":0,"msg":""}');
});

test('a client that goes away ends what was asked for it, and its failure is no wrong password', async () => {
  const running = await started(`import { log, sleep } from 'postern';
    export async function auth() { log.info('begun'); await sleep(60_000); }
    export const login = ({ reason }) => log.info('reason ' + reason);`);
  const socket = await running.socket();
  socket.write(
    `POST /dovecot?command=allow HTTP/1.1\r\nHost: x\r\nContent-Length: ${ALLOW.length}\r\n\r\n${ALLOW}`,
  );
  await running.under.logs(({ text }) => text === 'begun');
  socket.destroy();
  await running.post('/dovecot?command=report', {
    ...dovecotSample('report-2.3-success'),
    success: false,
  });
  await running.under.logs(({ text }) => text === 'reason internal');
});

test('connections that somebody else accepted are served, and watched over as well', async () => {
  const running = await started(QUIET);
  const handed = new LoginServer({
    gate: new Gate(running.under.engine),
    log: { debug() {}, info() {}, warn() {}, error() {} },
    trustedLoopback: true,
    nginx: {},
    limits: { ...DEFAULT_LOGIN_LIMITS, requestMs: 400, connections: 1 },
  });
  const listener = createServer((socket) => handed.accept(socket)).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };
  const slow = await running.socket(port);
  slow.write('GET /dovecot?command=ping HT');
  expect(await untilClosed(await running.socket(port))).toBe('');
  expect(parse(await untilClosed(slow)).status).toBe(408);
  const good = await running.socket(port);
  good.end('GET /dovecot?command=ping HTTP/1.0\r\n\r\n');
  expect(parse(await untilClosed(good)).body).toBe('{"status":"ok"}');
  await handed.close({ graceMs: 100 });
  listener.close();
});

test('the end waits for an answer that is under way, but not for ever', async () => {
  const running = await started(
    `import { log, sleep } from 'postern'; export async function auth({ login }) { log.info('begun'); await sleep(login === 'alice' ? 300 : 60_000); }`,
  );
  const answer = running.post('/dovecot?command=allow', ALLOW);
  await running.under.logs(({ text }) => text === 'begun');
  await running.server.close({ graceMs: 10_000 });
  expect((await answer).body).toBe('{"status":0,"msg":""}');
});

/** So that its methods can be taken apart from it. */
function bound(running: LoginSite) {
  return {
    under: running.under,
    post: running.post.bind(running),
    raw: running.raw.bind(running),
  };
}
