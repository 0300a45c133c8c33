import { performHash } from '../../src/capabilities/hash.ts';
import type { HttpCapability } from '../../src/capabilities/http/http.ts';
import { setCalling } from '../../src/runner/guest/current.ts';
import { dns } from '../../src/runner/guest/dns.ts';
import { hash } from '../../src/runner/guest/hash.ts';
import { http } from '../../src/runner/guest/http.ts';
import { net } from '../../src/runner/guest/net.ts';
import { answer, hasItems, take } from '../../src/runner/guest/outbox.ts';
import { LOCAL, Web } from './http/web-server.ts';

// As if a handler ran all the time.
beforeAll(() => setCalling(1));

/** What the guest asked the worker for; its answer crosses as JSON, as in life. */
function taken(): { operation: string; args: unknown[]; answer: (value: unknown) => void } {
  const [[kind, call, , operation, args]] = JSON.parse(take());
  expect(kind).toBe('call');
  return {
    operation,
    args,
    answer: (value) =>
      answer(call, { ok: true, json: JSON.stringify(value) ?? 'null', bytes: undefined }),
  };
}

describe('dns inside the isolate', () => {
  test.each(['resolve4', 'resolve6', 'resolveMx', 'resolveTxt', 'resolvePtr'] as const)(
    '%s asks for a name and gives the list',
    async (call) => {
      const promise = dns[call]('a.test');
      const asked = taken();
      expect(asked).toMatchObject({ operation: `dns.${call}`, args: ['a.test'] });
      asked.answer(['x']);
      expect(await promise).toEqual(['x']);
    },
  );

  test('gives a listing, or undefined where there is none', async () => {
    const listing = { listed: true, addresses: ['127.0.0.2'], reasons: [] };
    const listed = dns.list('list.test', '192.0.2.1');
    const asked = taken();
    expect(asked).toMatchObject({ operation: 'dns.list', args: ['list.test', '192.0.2.1'] });
    asked.answer(listing);
    expect(await listed).toEqual(listing);
    const unlisted = dns.list('list.test', '192.0.2.1');
    taken().answer(null);
    expect(await unlisted).toBeUndefined();
  });

  test('finds mistakes inside the promise, and names the call', async () => {
    const undefinedAddress = undefined as unknown as string;
    await expect(dns.list('list.test', undefinedAddress)).rejects.toThrow(
      'dns.list: expected an IP address, got undefined',
    );
    await expect(dns.resolve4(null as unknown as string)).rejects.toThrow(
      'dns.resolve4: expected a name, got null',
    );
    expect(hasItems()).toBe(false);
  });
});

describe('http inside the isolate', () => {
  const ANSWER = {
    status: 200,
    statusText: 'OK',
    url: 'http://a.test/p?q=secret',
    headers: [
      ['Content-Type', 'application/json'],
      ['X-Twice', 'one'],
      ['x-twice', 'two'],
    ],
    body: '\xef\xbb\xbf{"a":"\xc3\xbc"}',
  };

  async function fetched(changes: object = {}) {
    const promise = http.fetch('http://a.test/');
    taken().answer({ ...ANSWER, ...changes });
    return promise;
  }

  test('gives what fetch gives', async () => {
    const response = await fetched();
    expect(response).toMatchObject({ ok: true, status: 200, statusText: 'OK', url: ANSWER.url });
    expect(await response.json()).toEqual({ a: 'ü' });
    expect(await response.text()).toBe('{"a":"ü"}');
    expect((await response.bytes()).length).toBe(ANSWER.body.length);
    expect((await response.bytes())[0]).toBe(0xef);
    const { headers } = response;
    expect([headers.get('content-TYPE'), headers.get('X-Twice'), headers.get('none')]).toEqual([
      'application/json',
      'one, two',
      null,
    ]);
    expect([headers.has('X-TWICE'), headers.has('none')]).toEqual([true, false]);
    expect([...headers].map(([name]) => name)).toEqual(['content-type', 'x-twice', 'x-twice']);
  });

  test.each([
    [199, false],
    [204, true],
    [299, true],
    [302, false],
    [500, false],
  ])('says whether %i is ok', async (status, ok) => {
    expect((await fetched({ status })).ok).toBe(ok);
  });

  test('says whose answer is no JSON, without the query', async () => {
    const response = await fetched({ body: '<html>', status: 502 });
    await expect(response.json()).rejects.toThrow(
      /^http\.fetch: the answer of http:\/\/a\.test\/p \(status 502\) is no JSON: /,
    );
  });

  test.each([
    [undefined, {}],
    [
      { method: 'PUT', body: 'ü' },
      { method: 'PUT', body: 'ü' },
    ],
    [{ body: Uint8Array.of(0, 0xff) }, { body: { bytes: '\0\xff' } }],
    [{ headers: { A: 'b' } }, { headers: [['A', 'b']] }],
    [{ headers: [['A', 'b']] as const }, { headers: [['A', 'b']] }],
    [{ headers: new Map([['A', 'b']]) }, { headers: [['A', 'b']] }],
    [
      { timeout: '2s', redirect: 'manual' as const },
      { timeout: 2000, redirect: 'manual' },
    ],
  ])('carries %j', async (init, carried) => {
    const promise = http.fetch('http://a.test/', init);
    const asked = taken();
    expect(asked).toMatchObject({ operation: 'http.fetch' });
    expect(asked.args).toEqual(['http://a.test/', carried]);
    asked.answer(ANSWER);
    await promise;
  });

  test.each([
    [7, undefined],
    ['http://a.test/', null],
    ['http://a.test/', 'POST'],
    ['http://a.test/', { body: {} }],
    ['http://a.test/', { headers: 'A: b' }],
    ['http://a.test/', { headers: { A: {} } }],
    ['http://a.test/', { headers: ['A: b'] }],
  ])('finds the mistake in %j, %j', async (url, init) => {
    await expect(http.fetch(url as string, init as object)).rejects.toThrow(
      /^http\.fetch: expected/,
    );
    expect(hasItems()).toBe(false);
  });

  test('and the worker understand each other', async () => {
    const web = new Web();
    const port = await web.serve((_, response) => response.setHeader('X-A', 'b').end('ü'));
    const worker: HttpCapability = web.http();
    const promise = http.fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: { 'X-B': 'c' },
      body: Uint8Array.of(0x78),
      timeout: '5s',
    });
    const asked = taken();
    asked.answer(await worker.perform('fetch', asked.args, LOCAL));
    const response = await promise;
    expect(await response.text()).toBe('ü');
    expect(response.headers.get('x-a')).toBe('b');
    expect(web.seen[0]).toMatchObject({ method: 'POST', body: 'x', headers: { 'x-b': 'c' } });
    web.close();
  });
});

describe('net inside the isolate', () => {
  test.each([
    [['a.test', 25] as const, ['a.test', 25, 5000]],
    [['a.test', 25, 100] as const, ['a.test', 25, 100]],
    [['a.test', 25, '2s'] as const, ['a.test', 25, 2000]],
  ])('asks with %j', async (args, carried) => {
    const promise = net.canConnect(...(args as unknown as [string, number]));
    const asked = taken();
    expect(asked).toMatchObject({ operation: 'net.canConnect', args: carried });
    asked.answer(true);
    expect(await promise).toBe(true);
  });

  test.each([
    [undefined, 25, 1000],
    ['a.test', 0, 1000],
    ['a.test', '25', 1000],
    ['a.test', 25, 0],
  ])('finds the mistake in %j, %j, %j', async (...args) => {
    const wrong = args as unknown as [string, number, number];
    await expect(net.canConnect(...wrong)).rejects.toThrow(/^net\.canConnect: expected/);
  });
});

describe('hash inside the isolate', () => {
  test.each(['sha256', 'sha1', 'md5'] as const)('%s and the worker agree', async (name) => {
    for (const value of ['ü', Uint8Array.of(0xc3, 0xbc)]) {
      const promise = hash[name](value);
      const asked = taken();
      expect(asked.operation).toBe(`hash.${name}`);
      asked.answer(await performHash(name, asked.args));
      expect(await promise).toBe(await performHash(name, ['ü']));
    }
  });

  test('finds mistakes', async () => {
    await expect(hash.md5(7 as unknown as string)).rejects.toThrow(
      'hash.md5: expected a text or bytes, got number',
    );
  });
});
