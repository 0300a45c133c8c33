/** The examples about a connection and about the server's own life. */

import { Example } from './example.ts';

let example: Example | undefined;

afterEach(async () => {
  await example?.stop();
  example = undefined;
});

test('connect logs who connected and through which daemon', async () => {
  example = await Example.serve('connect');
  const mta = await example.mta();
  mta.macros('connect', { j: 'mx.example.com', '{daemon_name}': 'smtpd' });
  expect(await mta.connectInfo({ hostname: 'client.example.org', address: '192.0.2.9' })).toEqual({
    kind: 'continue',
  });
  // Nobody handles the rest, so the MTA was told not to send it.
  expect(await mta.helo()).toBeUndefined();
  expect(await mta.mail('a@example.org')).toBeUndefined();
  expect(example.said).toEqual([
    {
      filter: 'connect',
      text: 'a client connected',
      fields: {
        phase: 'connect',
        address: '192.0.2.9',
        hostname: 'client.example.org',
        daemon: 'smtpd',
      },
    },
  ]);
  expect(example.complaints).toEqual([]);
});

test('connect leaves out what is not known', async () => {
  example = await Example.serve('connect');
  const mta = await example.mta();
  await mta.connectInfo({ hostname: 'localhost', family: 'unknown', address: '', port: 0 });
  expect(example.said.map(({ fields }) => fields)).toEqual([
    { phase: 'connect', hostname: 'localhost' },
  ]);
});

test('helo logs the name, and TLS once it is there', async () => {
  example = await Example.serve('helo');
  const mta = await example.mta();
  await mta.connectInfo();
  expect(await mta.helo('one.example.org')).toEqual({ kind: 'continue' });
  mta.macros('helo', {
    '{tls_version}': 'TLSv1.3',
    '{cipher}': 'TLS_AES_256_GCM_SHA384',
    '{cipher_bits}': '256',
    '{cert_subject}': 'one.example.org',
    '{cert_issuer}': 'Example CA',
  });
  expect(await mta.helo('one.example.org')).toEqual({ kind: 'continue' });
  expect(example.said.map(({ fields }) => fields)).toEqual([
    { name: 'one.example.org' },
    {
      name: 'one.example.org',
      version: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      bits: 256,
      subject: 'one.example.org',
      issuer: 'Example CA',
    },
  ]);
});

describe('init', () => {
  test('prepares a list before the first client', async () => {
    example = await Example.serve('init');
    expect(example.said[0]).toEqual({
      filter: 'init',
      text: 'ready',
      fields: { refused: ['localhost', 'localhost.localdomain'] },
    });
    const mta = await example.mta();
    await mta.connectInfo();
    expect(await mta.helo('mx.example.org')).toEqual({ kind: 'continue' });
    expect(await mta.helo('LocalHost')).toEqual({
      kind: 'replycode',
      text: '550 5.7.1 That is our own name',
    });
  });

  test('takes the list from the settings', async () => {
    example = await Example.serve('init', { settings: { refused: ['Bad.Example'] } });
    const mta = await example.mta();
    await mta.connectInfo();
    expect(await mta.helo('localhost')).toEqual({ kind: 'continue' });
    expect(await mta.helo('bad.example')).toMatchObject({ kind: 'replycode' });
  });

  test('that fails keeps the server from starting', async () => {
    await expect(Example.serve('init', { settings: { refused: [1] } })).rejects.toThrow(
      /settings\.refused: expected names/,
    );
  });
});

test('exit says goodbye with the number of messages', async () => {
  example = await Example.serve('exit');
  const mta = await example.mta();
  for (const sender of ['a@example.org', 'b@example.org']) {
    await mta.mail(sender);
    await mta.rcpt('c@example.com');
    expect(await mta.eom()).toMatchObject({ modifications: [], final: { kind: 'continue' } });
  }
  expect(example.said).toEqual([]);
  await example.close();
  expect(example.said[0]).toEqual({ filter: 'exit', text: 'goodbye', fields: { messages: 2 } });
  expect(example.complaints).toEqual([]);
});
