import { setImmediate } from 'node:timers/promises';
import { Gate, type LoginCall } from '../../src/auth/gate.ts';
import { EngineUnderTest, type FilterSource } from '../engine/engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

async function gateTo(...sources: string[]): Promise<Gate> {
  const filters = sources.map((source, n): FilterSource => ({ name: `filter${n}`, source }));
  under = await EngineUnderTest.start(filters);
  return new Gate(under.engine);
}

const auth = (more: object = {}): LoginCall => ({
  phase: 'auth',
  attempt: {
    login: 'ann',
    client: { address: '192.0.2.7' },
    protocol: 'imap',
    attributes: { device: { name: 'x' } },
    ...more,
  },
});

test('a login attempt goes to the filters that export auth, frozen, with what is known', async () => {
  const gate = await gateTo(
    `import { log, reject } from 'postern';
    export function auth(attempt) {
      'use strict';
      try { attempt.attributes.device.name = 'y'; } catch { log.info('frozen'); }
      log.info(JSON.stringify([attempt.login, attempt.client.address, attempt.verified, attempt.attributes]));
      if (attempt.login === 'ann') return reject('too many failures');
    }`,
  );
  expect(gate.handles('auth')).toBe(true);
  expect(gate.handles('access')).toBe(false);
  const { verdict, filter } = await gate.ask(auth());
  expect(verdict).toMatchObject({ kind: 'reject', reply: { lines: ['too many failures'] } });
  expect(filter).toBe('filter0');
  expect(under!.said).toEqual(['frozen', '["ann","192.0.2.7",null,{"device":{"name":"x"}}]']);
});

test('a refusal wins over a route, and the first route over a later one', async () => {
  const router = (port: number) =>
    `import { route } from 'postern'; export const auth = () => route('192.0.2.1', ${port}, 'u');`;
  const gate = await gateTo(router(143), router(144));
  expect((await gate.ask(auth())).verdict).toEqual({
    kind: 'route',
    host: '192.0.2.1',
    port: 143,
    user: 'u',
  });
  await under!.stop();
  const strict = await gateTo(
    router(143),
    `import { accept } from 'postern'; export const auth = () => accept();`,
    `import { reject, delay } from 'postern'; export const auth = () => delay(2, reject('no'));`,
  );
  expect(await strict.ask(auth())).toMatchObject({ verdict: { kind: 'reject' }, delayMs: 2000 });
});

test('an access request has actions of its own', async () => {
  const gate = await gateTo(
    `import { prepend, redirect, hold, filter } from 'postern';
    const make = { prepend: () => prepend('X-Policy: seen'), redirect: () => redirect('a@example.org'),
      hold: () => hold('for review'), filter: () => filter('smtp:[127.0.0.1]:10025') };
    export const access = ({ recipient }) => make[recipient]();`,
  );
  const ask = async (recipient: string) =>
    (
      await gate.ask({
        phase: 'access',
        request: { state: 'RCPT', client: {}, recipient, attributes: {} },
      })
    ).verdict;
  expect(await ask('prepend')).toEqual({ kind: 'prepend', text: 'X-Policy: seen' });
  expect(await ask('redirect')).toEqual({ kind: 'redirect', text: 'a@example.org' });
  expect(await ask('hold')).toEqual({ kind: 'hold', text: 'for review' });
  expect(await ask('filter')).toEqual({ kind: 'filter', text: 'smtp:[127.0.0.1]:10025' });
});

test.each([
  [
    'auth',
    "import { hold } from 'postern'; export const auth = () => hold('x');",
    /hold\(\) makes no sense in auth/,
  ],
  [
    'auth',
    "import { route } from 'postern'; export const auth = () => route('mail.example.org', 143);",
    /expected the IP address/,
  ],
  [
    'access',
    "import { prepend } from 'postern'; export const access = () => prepend('no header');",
    /expected a header/,
  ],
  [
    'access',
    "import { prepend } from 'postern'; export const access = () => prepend('X: a\\r\\nY: b');",
    /one line of text/,
  ],
  [
    'login',
    "import { reject } from 'postern'; export const login = () => reject();",
    /makes no sense in login/,
  ],
])(
  'in %s a verdict that makes no sense is an error with its place',
  async (phase, source, message) => {
    const gate = await gateTo(source);
    const calls: Record<string, LoginCall> = {
      auth: auth(),
      access: { phase: 'access', request: { state: 'RCPT', client: {}, attributes: {} } },
      login: {
        phase: 'login',
        outcome: { login: 'ann', client: {}, protocol: 'imap', success: true, attributes: {} },
      },
    };
    await gate.ask(calls[phase]!);
    const line = under!.logged.find(({ fields }) => fields.why === 'throw');
    expect(line?.text).toMatch(message);
    expect(line?.fields.at).toMatch(/filter0\.ts:1:/);
  },
);

test('a runner that dies under a login costs the handler that ran, and nothing else', async () => {
  const gate = await gateTo(
    `import { log, sleep } from 'postern';
    export async function auth() { log.info('begun'); await sleep(60_000); }`,
    `import { reject } from 'postern'; export const auth = () => reject('by the second');`,
  );
  const asked = gate.ask(auth());
  await under!.logs(({ text }) => text === 'begun');
  process.kill(under!.engine.runners[0]!.pid!, 'SIGKILL');
  expect((await asked).verdict).toMatchObject({ kind: 'tempfail' });
});

test('a lease that is taken at a login lives on after it, until its owner ends', async () => {
  const gate = await gateTo(
    `import { kv, reject } from 'postern';
    export async function auth({ login }) {
      const { acquired } = await kv.lease(login, { limit: 1, ttl: '1m' });
      if (!acquired) return reject('already logged in');
    }`,
  );
  const [first, second] = [
    { id: 'login-1', isClosed: false },
    { id: 'login-2', isClosed: false },
  ];
  expect((await gate.ask(auth(), { leaseOwner: first })).verdict.kind).toBe('continue');
  expect((await gate.ask(auth(), { leaseOwner: second })).verdict.kind).toBe('reject');
  gate.endLeases(first);
  while (await under!.store.has('filter0/ann')) await setImmediate();
  expect((await gate.ask(auth(), { leaseOwner: second })).verdict.kind).toBe('continue');
});

test('a caller that goes away cancels what was asked', async () => {
  const gate = await gateTo(
    `import { log, sleep } from 'postern'; export async function auth() { log.info('begun'); await sleep(60_000); }`,
  );
  const away = new AbortController();
  const asked = gate.ask(auth(), { signal: away.signal });
  await under!.logs(({ text }) => text === 'begun');
  away.abort();
  expect((await asked).verdict).toEqual({ kind: 'continue' });
});
