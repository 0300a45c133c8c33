import { once } from 'node:events';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Gate } from '../../../src/auth/gate.ts';
import type { PolicyServerLimits } from '../../../src/auth/postfix/server.ts';
import { EngineUnderTest } from '../../engine/engine-under-test.ts';
import { temporaryDirectory } from '../../harness/temporary-directory.ts';
import { PolicyClient, requestText } from './policy-client.ts';
import { PolicySite } from './policy-site.ts';

let site: PolicySite | undefined;

afterEach(async () => {
  await site?.stop();
  site = undefined;
});

async function start(
  source: string,
  limits: Partial<PolicyServerLimits> = {},
): Promise<PolicySite> {
  site = await PolicySite.start(source, limits);
  return site;
}

/** Says what it is asked, and refuses with the recipient's name. */
const ECHO = `import { log, reject } from 'postern';
  export function access({ recipient }) {
    log.info('asked about ' + recipient);
    return reject('no ' + recipient);
  }`;

/** Waits for a word of the store before it refuses. */
const HELD = `import { kv, log, reject, sleep } from 'postern';
  export const options = { wall: '60s' };
  export async function access({ recipient }) {
    log.info('asked about ' + recipient);
    while (!(await kv.has('go'))) await sleep(5);
    return reject('no ' + recipient);
  }`;

const asked = (about: string) => site!.under.logs(({ text }) => text === `asked about ${about}`);
const release = () => site!.under.store.set('policy/go', Buffer.from('x'));

test('what filters know of a request', async () => {
  const { under } = await start(
    `import { log } from 'postern';
    export const access = (request) => log.info(JSON.stringify(request));`,
  );
  const client = await site!.client();
  expect(await client.ask({ __proto__: 'x', sender: '', ccert_subject: '' })).toBe('DUNNO');
  expect(JSON.parse(under.said[0]!)).toEqual({
    state: 'RCPT',
    client: { address: '192.0.2.7' },
    sender: '',
    instance: '1.2.3.0',
    attributes: {
      request: 'smtpd_access_policy',
      protocol_state: 'RCPT',
      client_address: '192.0.2.7',
      instance: '1.2.3.0',
      sender: '',
      ccert_subject: '',
    },
  });
});

test('a connection serves many requests, over TCP and Unix sockets', async () => {
  const folder = await temporaryDirectory('postern-policy-');
  try {
    await start(ECHO);
    const path = join(folder.path, 'policy.sock');
    await site!.listen({ path });
    for (const client of [await site!.client(), await PolicyClient.connect({ path })]) {
      for (const recipient of ['a', 'b', 'c']) {
        expect(await client.ask({ recipient })).toBe(`550 no ${recipient}`);
      }
      client.socket.end();
      await client.closed;
    }
    expect(site!.logged).toEqual([]);
  } finally {
    await folder.remove();
  }
});

test('requests of one chunk are answered in their order, one at a time', async () => {
  await start(HELD);
  const client = await site!.client();
  client.send(['a', 'b', 'c'].map((recipient) => requestText({ recipient })).join(''));
  await asked('a');
  // Whatever else came with it would have been asked before this.
  (await site!.client()).send(requestText({ recipient: 'later' }));
  await asked('later');
  expect(site!.under.said).toEqual(['asked about a', 'asked about later']);
  await release();
  expect(await client.answer()).toBe('550 no a');
  expect(await client.answer()).toBe('550 no b');
  expect(await client.answer()).toBe('550 no c');
});

test('a request may come a byte at a time', async () => {
  await start(ECHO);
  const client = await site!.client();
  client.socket.setNoDelay(true);
  for (const byte of requestText({ recipient: 'Müller' })) {
    await new Promise<void>((sent) => client.socket.write(byte, () => sent()));
  }
  expect(await client.answer()).toBe('550 no Müller');
});

test('a connection that waits holds up no other', async () => {
  await start(`import { reject } from 'postern';
    export const access = ({ recipient }) =>
      recipient === 'ever' ? new Promise(() => {}) : reject('no ' + recipient);`);
  const [waiting, other] = [await site!.client(), await site!.client()];
  waiting.send(requestText({ recipient: 'ever' }));
  expect(await other.ask({ recipient: 'b' })).toBe('550 no b');
});

test('without a filter for it, every answer is DUNNO', async () => {
  await start('export function connect() {}');
  expect(await (await site!.client()).ask()).toBe('DUNNO');
});

test('a filter that fails refuses for now, and the connection lives on', async () => {
  await start(`export const access = () => { throw new Error('broken'); };`);
  const client = await site!.client();
  expect(await client.ask()).toBe('DEFER_IF_PERMIT');
  expect(await client.ask()).toBe('DEFER_IF_PERMIT');
});

test.each([
  ['no attributes', 'GET / HTTP/1.1\r\nAuthorization: secret\r\n\r\n', 1],
  ['another kind of request', 'request=secret\n\n', 2],
  ['a line without end', `secret=${'x'.repeat(70_000)}`, 1],
])('%s: a log line without what came, and no answer', async (_, text, line) => {
  await start(ECHO);
  const client = await site!.client();
  expect(await client.ask({ recipient: 'a' })).toBe('550 no a');
  client.send(text);
  expect(await client.answer()).toBeUndefined();
  expect(site!.logged).toEqual([
    {
      level: 'warn',
      text: 'closing a policy connection: the client sent a malformed request',
      fields: {
        mta: '127.0.0.1',
        code: 'ERR_POLICY_REQUEST',
        line,
        error: expect.stringContaining(`line ${line} of a policy request`),
      },
    },
  ]);
  expect(JSON.stringify(site!.logged)).not.toMatch(/secret/);
});

test('requests before a malformed one are answered', async () => {
  await start(ECHO);
  const client = await site!.client();
  client.send(`${requestText({ recipient: 'a' })}nonsense\n`);
  expect(await client.answer()).toBe('550 no a');
  expect(await client.answer()).toBeUndefined();
});

test('a request that comes too slowly ends the connection, however many bytes it sends', async () => {
  await start(ECHO, { requestMs: 150 });
  const client = await site!.client();
  const drip = setInterval(() => client.send('x'), 10);
  await client.closed;
  clearInterval(drip);
  expect(site!.logged).toMatchObject([
    { level: 'warn', text: 'closing a policy connection: a request took too long to come' },
  ]);
});

test('a connection without requests ends, and one whose request is under way does not', async () => {
  await start(HELD, { idleMs: 100, requestMs: 100 });
  const [busy, idle] = [await site!.client(), await site!.client()];
  busy.send(requestText({ recipient: 'a' }));
  await asked('a');
  await idle.closed;
  const later = await site!.client();
  await later.closed;
  await release();
  expect(await busy.answer()).toBe('550 no a');
  const text = 'closing a policy connection: no request for too long';
  expect(site!.logged.map((line) => line.text)).toEqual([text, text]);
});

test.each(['end', 'resetAndDestroy'] as const)(
  'a client that goes away (%s) cancels its request',
  async (leave) => {
    await start(
      `import { kv, log } from 'postern';
      export const options = { wall: '60s' };
      export async function access() {
        await kv.lease('asking', { limit: 1, ttl: '60s' });
        log.info('asked about a');
        await new Promise(() => {});
      }`,
    );
    const client = await site!.client();
    client.send(requestText());
    await asked('a');
    expect(await site!.under.store.has('policy/asking')).toBe(true);
    client.socket[leave]();
    await client.closed;
    // The lease ends with the request.
    while (await site!.under.store.has('policy/asking')) await setImmediate();
    expect(site!.logged.filter(({ level }) => level !== 'info')).toEqual([]);
  },
);

test('a client that goes away inside a request is logged', async () => {
  await start(ECHO);
  const client = await site!.client();
  client.socket.end('request=smtpd_access_policy\nsender=');
  await client.closed;
  expect(site!.logged).toEqual([
    {
      level: 'warn',
      text: 'a policy connection ended inside a request',
      fields: { mta: '127.0.0.1', bytes: 7 },
    },
  ]);
});

test('a client that sends without end and reads nothing is not read from, and then closed', async () => {
  await start(
    `import { reject } from 'postern';
    export const access = () => reject('x'.repeat(900));`,
    { requestMs: 300 },
  );
  const client = await site!.client();
  client.socket.pause();
  const burst = requestText().repeat(500);
  let isFull = false;
  while (!isFull && !client.socket.destroyed) {
    isFull = await Promise.race([
      new Promise<boolean>((sent) => client.socket.write(burst, () => sent(false))),
      client.closed.then(() => true),
    ]);
  }
  client.socket.resume();
  await client.closed;
  expect(site!.logged).toMatchObject([
    { level: 'warn', text: 'closing a policy connection: the client does not take answers' },
  ]);
});

test('while a request is answered, only so much is read of the next ones, and then all of it', async () => {
  await start(HELD);
  const client = await site!.client();
  const request = requestText({ recipient: 'a' });
  const requests = Math.ceil((2 * 1024 ** 2) / request.length);
  client.send(request);
  await asked('a');
  client.send(request.repeat(requests));
  const [socket] = site!.sockets;
  while (!socket!.isPaused()) await setImmediate();
  expect(socket!.bytesRead).toBeLessThan(256 * 1024);
  // For the rest, a gate that costs nothing.
  site!.server.use(new Gate(site!.under.engine, []));
  await release();
  expect(await client.answer()).toBe('550 no a');
  for (let n = 0; n < requests; n += 1) expect(await client.answer()).toBe('DUNNO');
});

test('a thousand idle connections cost nobody an answer', async () => {
  await start(ECHO);
  const port = await site!.listen();
  const clients: PolicyClient[] = [];
  for (let n = 0; n < 1000; n += 1) {
    clients.push(await PolicyClient.connect({ host: '127.0.0.1', port }));
  }
  for (const n of [0, 500, 999]) {
    expect(await clients[n]!.ask({ recipient: `r${n}` })).toBe(`550 no r${n}`);
  }
  expect(site!.server.connections).toBe(1000);
  await site!.server.close({ graceMs: 60_000 });
  await Promise.all(clients.map(({ closed }) => closed));
});

test('more connections than allowed are turned away, which is said once', async () => {
  await start(ECHO, { connections: 1 });
  const first = await site!.client();
  expect(await first.ask({ recipient: 'a' })).toBe('550 no a');
  await (await site!.client()).closed;
  await (await site!.client()).closed;
  expect(site!.logged).toMatchObject([{ level: 'warn', fields: { connections: 1 } }]);
  first.socket.end();
  await first.closed;
  while (site!.server.connections > 0) await setImmediate();
  expect(await (await site!.client()).ask({ recipient: 'b' })).toBe('550 no b');
});

test('a delayed refusal is held back here, and a delay alone is for Postfix', async () => {
  await start(
    `import { delay, reject } from 'postern';
    export const access = ({ recipient }) => delay(0.3, recipient === 'bad' ? reject('no') : undefined);`,
  );
  const [slow, quick] = [await site!.client(), await site!.client()];
  const order: string[] = [];
  const delayed = slow.ask({ recipient: 'bad' }).then((answer) => order.push(answer!));
  order.push((await quick.ask({ recipient: 'good' }))!);
  await delayed;
  expect(order).toEqual(['SLEEP 1', '550 no']);
});

test('a client that goes away in a delay leaves nothing behind', async () => {
  await start(`import { delay, log, reject } from 'postern';
    export const access = () => { log.info('asked about a'); return delay(25, reject('no')); };`);
  const client = await site!.client();
  client.send(requestText());
  await asked('a');
  client.socket.destroy();
  await site!.server.close({ graceMs: 60_000 });
});

test('a verdict that Postfix cannot follow is told to its author', async () => {
  await start(`import { prepend } from 'postern'; export const access = () => prepend('X: y');`);
  const client = await site!.client();
  expect(await client.ask({ protocol_state: 'END-OF-MESSAGE', queue_id: '05BDA21E078' })).toBe(
    'DUNNO',
  );
  expect(site!.logged).toEqual([
    {
      level: 'warn',
      text: 'a verdict that Postfix has no action for',
      fields: {
        mta: '127.0.0.1',
        filter: 'policy',
        queueId: '05BDA21E078',
        problem: 'Postfix cannot prepend at END-OF-MESSAGE',
        answer: 'DUNNO',
      },
    },
  ]);
});

test('filters that are loaded anew answer on connections that are open', async () => {
  await start(ECHO);
  const client = await site!.client();
  expect(await client.ask({ recipient: 'a' })).toBe('550 no a');
  const anew = await EngineUnderTest.start([
    { name: 'anew', source: `import { hold } from 'postern'; export const access = () => hold();` },
  ]);
  try {
    site!.server.use(new Gate(anew.engine));
    expect(await client.ask({ recipient: 'a' })).toBe('HOLD');
  } finally {
    await anew.stop();
  }
});

describe('closing', () => {
  test('answers what is under way, ends what is idle, and takes nothing new', async () => {
    await start(HELD);
    const [busy, idle] = [await site!.client(), await site!.client()];
    const port = await site!.listen();
    busy.send(requestText({ recipient: 'a' }) + requestText({ recipient: 'b' }));
    await asked('a');
    const closed = site!.server.close({ graceMs: 60_000 });
    await idle.closed;
    const late = await PolicyClient.connect({ host: '127.0.0.1', port });
    await late.closed;
    await release();
    expect(await busy.answer()).toBe('550 no a');
    expect(await busy.answer()).toBe('550 no b');
    expect(await busy.answer()).toBeUndefined();
    await closed;
  });

  test('takes the rest of a request that has begun', async () => {
    await start(ECHO);
    const client = await site!.client();
    expect(await client.ask({ recipient: 'a' })).toBe('550 no a');
    const text = requestText({ recipient: 'b' });
    client.send(`${requestText({ recipient: 'a' })}${text.slice(0, 20)}`);
    expect(await client.answer()).toBe('550 no a');
    const closed = site!.server.close({ graceMs: 60_000 });
    client.send(text.slice(20));
    expect(await client.answer()).toBe('550 no b');
    await closed;
  });

  test('ends delays', async () => {
    await start(`import { delay, log, reject } from 'postern';
      export const access = () => { log.info('asked about a'); return delay(25, reject('no')); };`);
    const client = await site!.client();
    client.send(requestText());
    await asked('a');
    const closed = site!.server.close({ graceMs: 60_000 });
    expect(await client.answer()).toBe('550 no');
    await closed;
  });

  test('cuts off what takes longer than its grace', async () => {
    await start(HELD);
    const client = await site!.client();
    client.send(requestText({ recipient: 'a' }));
    await asked('a');
    await site!.server.close({ graceMs: 50 });
    expect(await client.answer()).toBeUndefined();
  });
});

test('a client that hangs up at once does no harm', async () => {
  await start(ECHO);
  const port = await site!.listen();
  for (let n = 0; n < 50; n += 1) {
    const { socket } = await PolicyClient.connect({ host: '127.0.0.1', port });
    const isOver = once(socket, 'close');
    socket.write(requestText());
    socket.resetAndDestroy();
    await isOver;
  }
  expect(await (await site!.client()).ask({ recipient: 'a' })).toBe('550 no a');
  expect(site!.logged.filter(({ level }) => level === 'error')).toEqual([]);
});
