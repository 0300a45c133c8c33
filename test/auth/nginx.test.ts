import { LoginPolicy } from '../../src/auth/login-policy.ts';
import { Nginx, type NginxOptions } from '../../src/auth/nginx.ts';
import { readNginxRequest } from '../../src/auth/nginx-request.ts';
import { Tarpits } from '../../src/auth/tarpits.ts';
import { nginxRawHeaders } from './samples.ts';
import { logLines, type StubGate, stubGate } from './stub-gate.ts';

const NEVER = new AbortController().signal;
const LOGIN = readNginxRequest(nginxRawHeaders('imap-plain'));
const MESSAGE = readNginxRequest(nginxRawHeaders('smtp-none'));
const SERVER = { host: '192.0.2.10', port: 143 };

const tried = (tries: number) =>
  readNginxRequest([
    ...nginxRawHeaders('imap-proxy-protocol'),
    'Auth-Login-Attempt',
    String(tries),
  ]);

function nginx(answer?: StubGate['answer'], options: NginxOptions = { server: SERVER }) {
  let now = 0;
  const stub = stubGate(answer);
  const { log, lines } = logLines();
  const clock = () => now;
  const of = new Nginx({
    policy: new LoginPolicy({ gate: stub.gate, log }),
    gate: stub.gate,
    tarpits: new Tarpits({ delayMs: 15_000, tarpits: 10, now: clock, full: () => {} }),
    log,
    options,
    now: clock,
    waiting: 10,
  });
  return {
    of,
    stub,
    lines,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test('a login goes to the back end of its protocol, or where a filter routes it', async () => {
  const { of, stub } = nginx(undefined, {
    server: SERVER,
    servers: { imap: { host: '192.0.2.11', port: 993 } },
  });
  expect(await of.ask(LOGIN, NEVER)).toEqual({ kind: 'ok', host: '192.0.2.11', port: 993 });
  expect(await of.ask(MESSAGE, NEVER)).toEqual({ kind: 'ok', ...SERVER });
  stub.answer = () => ({ kind: 'route', host: '192.0.2.12', port: 144, user: 'u' });
  expect(await of.ask(LOGIN, NEVER)).toEqual({
    kind: 'ok',
    host: '192.0.2.12',
    port: 144,
    user: 'u',
  });
});

test('without a back end there is a refusal and a line that says what to do', async () => {
  const { of, lines } = nginx(undefined, {});
  expect(await of.ask(LOGIN, NEVER)).toMatchObject({
    kind: 'refused',
    text: expect.stringMatching(/^\[UNAVAILABLE\]/),
  });
  expect(lines[0]?.text).toMatch(/auth\.nginx\.server/);
});

test('a refused client waits, and at its last try nginx hangs up', async () => {
  const { of } = nginx(() => ({ kind: 'reject' }));
  expect(await of.ask(tried(9), NEVER)).toMatchObject({ kind: 'refused', seconds: 3 });
  expect(await of.ask(tried(10), NEVER)).not.toHaveProperty('seconds');
});

test('a delay before a good answer is an order to ask again, and the filters are asked once', async () => {
  const { of, stub, pass } = nginx();
  stub.delayMs = 2000;
  expect(await of.ask(LOGIN, NEVER)).toEqual({ kind: 'wait', seconds: 2 });
  pass(2003);
  expect(await of.ask(LOGIN, NEVER)).toEqual({ kind: 'ok', ...SERVER });
  expect(stub.calls).toHaveLength(1);
  expect(await of.ask(LOGIN, NEVER)).toEqual({ kind: 'wait', seconds: 2 });
});

test('whoever asks again too soon is asked about anew, and waits as well', async () => {
  const { of, stub, pass } = nginx();
  stub.delayMs = 2000;
  await of.ask(LOGIN, NEVER);
  pass(500);
  expect(await of.ask(LOGIN, NEVER)).toEqual({ kind: 'wait', seconds: 2 });
  expect(stub.calls).toHaveLength(2);
});

test('a delay before a refusal is the wait that nginx does', async () => {
  const { of, stub, pass } = nginx(() => ({ kind: 'reject' }));
  stub.delayMs = 7000;
  expect(await of.ask(tried(1), NEVER)).toMatchObject({ kind: 'refused', seconds: 7 });
  expect(await of.ask(tried(10), NEVER)).toEqual({ kind: 'wait', seconds: 7 });
  pass(7000);
  expect(await of.ask(tried(10), NEVER)).toMatchObject({ kind: 'refused' });
});

test('methods that need the password here are refused, with a line', async () => {
  const { of, stub, lines } = nginx();
  const asked = readNginxRequest(nginxRawHeaders('imap-cram-md5'));
  expect(await of.ask(asked, NEVER)).toMatchObject({ kind: 'refused' });
  expect(stub.calls).toEqual([]);
  expect(lines[0]?.text).toMatch(/take cram-md5 out of imap_auth/);
});

test('a message is an access request, and refused with codes of mail', async () => {
  const { of, stub } = nginx(() => ({
    kind: 'reject',
    reply: { code: 550, enhanced: '5.1.1', lines: ['who?'] },
  }));
  expect(await of.ask(MESSAGE, NEVER)).toEqual({
    kind: 'refused',
    text: 'who?',
    code: '550 5.1.1',
  });
  expect(stub.calls).toMatchObject([{ phase: 'access', request: { sender: 'a@x.example' } }]);
});

test('what nginx cannot do with a message refuses it for now, loudly', async () => {
  const { of, lines } = nginx(() => ({ kind: 'hold', text: 'x' }));
  expect(await of.ask(MESSAGE, NEVER)).toMatchObject({ kind: 'refused', code: '451 4.7.1' });
  expect(lines[0]?.text).toMatch(/hold\(\)/);
});

test('for an nginx that has gone away there is no answer', async () => {
  const away = new AbortController();
  const { of } = nginx(() => {
    away.abort();
    return { kind: 'continue' };
  });
  expect(await of.ask(LOGIN, away.signal)).toBeUndefined();
});
