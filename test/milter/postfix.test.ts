/** The server with filters that are scripted here, and a real Postfix before it. */

import fc from 'fast-check';
import { DEFAULT_LIMITS } from '../../src/config/limits.ts';
import { formatListen } from '../../src/milter/address.ts';
import { MilterServer } from '../../src/milter/server.ts';
import type { Modification } from '../../src/policy/modification.ts';
import { type Postfix, startPostfix } from '../harness/postfix.ts';
import { type Receiver, startReceiver } from '../harness/receiver.ts';
import { describeWith } from '../harness/requirements.ts';
import { SmtpClient } from '../harness/smtp-client.ts';
import { FakeLog } from './dialogue.ts';
import { FakeEngine, filter } from './fake-engine.ts';
import { applied, headerChanges, OWN, originalNames } from './header-changes-arbitrary.ts';

describeWith(['postfix'], 'with a real Postfix', () => {
  let modifications: readonly Modification[] = [];
  const engine = new FakeEngine([filter(['connect', 'rcpt', 'eom', 'abort', 'close'])], (call) => {
    if (call.phase === 'rcpt' && call.address === '<no@example.com>') return { kind: 'reject' };
    return call.phase === 'eom' ? { modifications } : undefined;
  });
  const log = new FakeLog();
  let server: MilterServer;
  let receiver: Receiver;
  let postfix: Postfix;

  beforeAll(async () => {
    const listeners = [{ listen: 'inet:127.0.0.1:0' }];
    const config = { milter: { listeners }, limits: DEFAULT_LIMITS };
    server = await MilterServer.open({ config, engine, log });
    receiver = await startReceiver();
    const milters = formatListen(server.addresses[0]!);
    postfix = await startPostfix({ services: [{ milters }], receiverPort: receiver.port });
  });
  afterAll(async () => {
    await postfix?.stop();
    await receiver?.close();
    await server?.close({ graceMs: 0 });
  });

  test('headers end in the order in which filters left them', async () => {
    const client = await SmtpClient.connect(postfix.ports[0]!);
    await client.ehlo();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(originalNames, headerChanges, async (names, changes) => {
        count += 1;
        // Postfix takes what is not a header for the body, so there is always one.
        const headers = ['From', ...names].map((name, index) => ({ name, raw: ` came ${index}` }));
        const change = applied(headers, changes);
        modifications = change.modifications;
        const to = `r${count}@example.com`;
        await client.mail('a@example.org');
        await client.rcpt(to);
        const lines = headers.map(({ name, raw }) => `${name}:${raw}\r\n`).join('');
        expect((await client.data(`${lines}\r\ntext\r\n`)).code).toBe(250);
        const arrived = (await receiver.nextTo(to)).headers();
        expect(
          arrived.map(({ name, value }) => (name === 'Received' ? OWN : `${name}: ${value}`)),
        ).toEqual(change.wanted);
      }),
      { numRuns: 60 },
    );
    await client.quit();
    expect(log.lines).toEqual([]);
  });

  test('a dialogue with everything that Postfix does', async () => {
    modifications = [];
    const client = await SmtpClient.connect(postfix.ports[0]!);
    await client.ehlo();
    await client.mail('a@example.org');
    expect((await client.rcpt('no@example.com')).code).toBe(550);
    expect((await client.rcpt('yes@example.com')).code).toBe(250);
    // EHLO in a message: HELO, then ABORT.
    await client.ehlo();
    await client.mail('a@example.org');
    await client.rset();
    await client.mail('b@example.org', ['SIZE=100']);
    expect((await client.rcpt('yes@example.com')).code).toBe(250);
    expect((await client.data('From: b@example.org\r\n\r\ntext\r\n')).code).toBe(250);
    expect((await receiver.nextTo('yes@example.com')).sender).toBe('b@example.org');
    await client.quit();
    while (!engine.last.isClosed) await new Promise((resolve) => setImmediate(resolve));
    expect(engine.last.calls.map(({ phase }) => phase)).toEqual([
      'connect',
      'rcpt',
      'rcpt',
      'abort',
      'abort',
      'rcpt',
      'eom',
      'close',
    ]);
    expect(engine.last.host.queueId()).toBeUndefined();
    expect(engine.last.facts.find(({ f }) => f === 'helo')).toMatchObject({ name: 'client.test' });
    expect(log.lines).toEqual([]);
    expect(postfix.log()).not.toMatch(/warning: milter/);
  });
});
