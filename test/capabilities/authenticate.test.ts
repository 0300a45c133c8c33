import { getEventListeners } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { sealMessage } from 'mailauth';
import { AuthenticateCapability } from '../../src/capabilities/authenticate/authenticate.ts';
import type { ResultsJson } from '../../src/capabilities/authenticate/results.ts';
import { dnsError, FakeDns, publishKey, sign } from './authenticate-site.ts';

/** The threads that were started, so that a test can end one. */
const mockStarted: Worker[] = [];
jest.mock('node:worker_threads', () => {
  const actual = jest.requireActual('node:worker_threads');
  class WatchedWorker extends actual.Worker {
    constructor(...args: unknown[]) {
      super(...args);
      mockStarted.push(this as unknown as Worker);
    }
  }
  return { ...actual, Worker: WatchedWorker };
});

const HEADERS = [
  'From: Anna <anna@example.org>',
  'To: bob@example.com',
  'Subject: greetings',
  'Date: Mon, 03 Mar 2025 09:15:00 +0000',
  'Message-ID: <1@example.org>',
  '',
].join('\r\n');
const BODY = 'Hello Bob.\r\n';

let dns: FakeDns;

const capability = new AuthenticateCapability({
  timeoutMs: 20_000,
  resolver: (name, type) => dns.resolve(name, type),
});

beforeEach(() => {
  mockStarted.length = 0;
  dns = new FakeDns();
});

afterAll(() => capability.close());

interface Asked {
  readonly headers?: string;
  readonly body?: string | Buffer;
  readonly sender?: string;
  readonly helo?: string;
  readonly address?: string | undefined;
  readonly mta?: string;
  readonly signal?: AbortSignal;
}

async function check(asked: Asked = {}, by = capability): Promise<ResultsJson> {
  const {
    headers = HEADERS,
    body = BODY,
    sender = 'anna@example.org',
    helo = 'mx.example.org',
  } = asked;
  const address = 'address' in asked ? asked.address : '192.0.2.7';
  const client = address === undefined ? {} : { address, hostname: 'mx.example.org' };
  const mta = asked.mta ?? 'mx.example.com';
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  const results = await by.perform([{ headers, client, helo, sender, mta }], {
    body: () => bytes,
    signal: asked.signal ?? new AbortController().signal,
  });
  return results as ResultsJson;
}

describe('a message that is what it says', () => {
  test('passes SPF, DKIM and DMARC, and a header says so', async () => {
    const key = publishKey(dns, 'example.org');
    dns.add('TXT example.org', [['v=spf1 ip4:192.0.2.7 -all']]);
    dns.add('TXT _dmarc.example.org', [['v=DMARC1; p=reject']]);
    const headers = (await sign(`${HEADERS}\r\n${BODY}`, [key])) + HEADERS;
    const { header, ...results } = await check({ headers });
    expect(results).toEqual({
      spf: { result: 'pass', domain: 'example.org' },
      dkim: [
        {
          result: 'pass',
          domain: 'example.org',
          selector: 's1',
          algorithm: 'rsa-sha256',
          aligned: true,
          unsignedBytes: 0,
        },
      ],
      dmarc: {
        result: 'pass',
        policy: 'reject',
        domain: 'example.org',
        alignment: { spf: true, dkim: true },
      },
      arc: { result: 'none' },
    });
    const unfolded = header.replace(/\n\s+/g, ' ');
    expect(unfolded).toMatch(/^mx\.example\.com; dkim=pass header\.d=example\.org/);
    expect(unfolded).toMatch(/; spf=pass .*smtp\.mailfrom=example\.org/);
    expect(unfolded).toMatch(/; dmarc=pass .*header\.from=example\.org/);
    for (const line of header.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    for (const line of header.split('\n').slice(1)) expect(line).toMatch(/^ /);
  });

  test.each(['simple/simple', 'simple/relaxed', 'relaxed/relaxed'])(
    'verifies with odd folds and spaces, canonicalized %s',
    async (canonicalization) => {
      const key = publishKey(dns, 'example.org');
      const odd = `From:\tAnna\r\n\t <anna@example.org>\r\nSubject:no space  two\r\n   three \r\nTo: \r\n bob@example.com\r\nX-\xfc: \xff\r\n`;
      const headers = (await sign(`${odd}\r\n${BODY}`, [key], canonicalization)) + odd;
      expect((await check({ headers })).dkim).toMatchObject([{ result: 'pass' }]);
      const refolded = headers.replace('no space  two\r\n   three', 'no space  two   three');
      const { dkim } = await check({ headers: refolded });
      expect(dkim[0]?.result).toBe(canonicalization.startsWith('simple') ? 'fail' : 'pass');
    },
  );
});

describe('a message that was changed', () => {
  test('in its body fails DKIM, and DMARC where SPF says nothing', async () => {
    const key = publishKey(dns, 'example.org');
    dns.add('TXT _dmarc.example.org', [['v=DMARC1; p=quarantine']]);
    const headers = (await sign(`${HEADERS}\r\n${BODY}`, [key])) + HEADERS;
    const { dkim, dmarc, spf, header } = await check({ headers, body: 'Hello Eve.\r\n' });
    expect(dkim).toMatchObject([{ result: 'fail', comment: 'body hash did not verify' }]);
    expect(dmarc).toEqual({
      result: 'fail',
      policy: 'quarantine',
      domain: 'example.org',
      alignment: { spf: false, dkim: false },
    });
    expect(spf).toEqual({ result: 'none', domain: 'example.org' });
    expect(header).toContain('dkim=fail');
  });

  test('in a header that was signed fails DKIM', async () => {
    const key = publishKey(dns, 'example.org');
    const headers = (await sign(`${HEADERS}\r\n${BODY}`, [key])) + HEADERS;
    const { dkim } = await check({ headers: headers.replace('greetings', 'Greetings') });
    expect(dkim).toMatchObject([{ result: 'fail', comment: 'bad signature' }]);
  });
});

describe('SPF', () => {
  test.each<[string, unknown, string]>([
    ['pass', [['v=spf1 a:mx.example.org -all']], 'pass'],
    ['fail', [['v=spf1 -all']], 'fail'],
    ['softfail', [['v=spf1 ~all']], 'softfail'],
    ['neutral', [['v=spf1 ?all']], 'neutral'],
    ['two records', [['v=spf1 -all'], ['v=spf1 +all']], 'permerror'],
    ['a record that is none', [['v=spf1 nonsense']], 'permerror'],
    ['no record', [['something else']], 'none'],
    ['a DNS that fails', dnsError('ESERVFAIL'), 'temperror'],
    ['a DNS that is late', dnsError('ETIMEOUT'), 'temperror'],
    ['a DNS that breaks', Object.assign(new Error('?'), { code: 7 }), 'temperror'],
  ])('of %s', async (_, record, result) => {
    dns.add('TXT example.org', record).add('A mx.example.org', ['192.0.2.7']);
    expect((await check()).spf).toEqual({ result, domain: 'example.org' });
  });

  test('tells what the domain says about a fail', async () => {
    dns.add('TXT example.org', [['v=spf1 -all exp=why.example.org']]);
    dns.add('TXT why.example.org', [['not from %{i}']]);
    expect((await check()).spf.explanation).toBe('not from 192.0.2.7');
  });

  test('of the null sender is that of HELO', async () => {
    dns.add('TXT mx.example.org', [['v=spf1 ip4:192.0.2.7 -all']]);
    expect((await check({ sender: '' })).spf).toEqual({ result: 'pass', domain: 'mx.example.org' });
    expect((await check({ sender: '', helo: 'other.example' })).spf.result).toBe('none');
  });

  test('of a client without an address is none, and no line of the header', async () => {
    dns.add('TXT example.org', [['v=spf1 -all']]);
    const { spf, header } = await check({ address: undefined });
    expect(spf).toEqual({ result: 'none' });
    expect(header).not.toContain('spf=');
  });

  test('of IPv6 clients, IPv4 clients in their clothes included', async () => {
    dns.add('TXT example.org', [['v=spf1 ip6:2001:db8::/32 ip4:192.0.2.7 -all']]);
    expect((await check({ address: '2001:db8::1' })).spf.result).toBe('pass');
    expect((await check({ address: '::ffff:192.0.2.7' })).spf.result).toBe('pass');
    expect((await check({ address: '2001:db9::1' })).spf.result).toBe('fail');
  });
});

test('ARC: a forwarder vouches for what came, until somebody changes it again', async () => {
  const key = publishKey(dns, 'forwarder.example');
  const seal = await sealMessage(Buffer.from(`${HEADERS}\r\n${BODY}`), {
    signingDomain: key.domain,
    selector: key.selector,
    privateKey: key.privateKey,
    authResults: 'mx.forwarder.example; spf=pass smtp.mailfrom=example.org',
    cv: 'none',
  });
  const headers = seal.toString('latin1') + HEADERS;
  const { arc, header } = await check({ headers });
  expect(arc).toEqual({ result: 'pass' });
  expect(header).toContain('arc=pass');
  expect((await check({ headers, body: 'Hello Eve.\r\n' })).arc).toEqual({ result: 'fail' });
});

describe('DMARC', () => {
  test.each([
    ['no From', HEADERS.replace(/^From/, 'X-From'), 'none'],
    ['two domains in From', HEADERS.replace('Anna <', 'eve@example.net, Anna <'), 'permerror'],
    ['no record', HEADERS, 'none'],
  ])('with %s', async (_, headers, result) => {
    expect((await check({ headers })).dmarc).toMatchObject({ result, alignment: { spf: false } });
  });
});

describe('what a stranger sends is bounded', () => {
  test('ten signatures are looked at, the upper ones', async () => {
    const keys = Array.from({ length: 12 }, (_, at) => publishKey(dns, 'example.org', `s${at}`));
    const headers = (await sign(`${HEADERS}\r\n${BODY}`, keys)) + HEADERS;
    const { dkim } = await check({ headers });
    const selectors = [...headers.matchAll(/s=(s\d+);/g)].map(([, selector]) => selector);
    expect(dkim.map(({ selector }) => selector)).toEqual(selectors.slice(0, 10));
    expect(new Set(dkim.map(({ result }) => result))).toEqual(new Set(['pass']));
  });

  test('a signature of 9 KB is not one', async () => {
    const long = `DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=${'a:'.repeat(4500)}from; bh=x; b=x\r\n`;
    expect((await check({ headers: long + HEADERS })).dkim).toEqual([]);
    expect(dns.asked).not.toContain('TXT x._domainkey.example.org');
  });

  test('headers of 5001 lines are refused', async () => {
    const headers = `X: y\r\n${' z\r\n'.repeat(5000)}`;
    await expect(check({ headers })).rejects.toMatchObject({ code: 'ERR_AUTHENTICATE_LIMIT' });
    expect(await check({ headers: headers.slice(0, -4) })).toMatchObject({ dkim: [] });
  });

  test('no more than 100 questions are asked', async () => {
    const names = Array.from({ length: 9 }, (_, at) => `m${at}.example.net`);
    dns.add('TXT example.org', [[`v=spf1 ${names.map((name) => `mx:${name}`).join(' ')} -all`]]);
    for (const name of names) {
      const hosts = Array.from({ length: 10 }, (_, at) => `h${at}.${name}`);
      dns.add(
        `MX ${name}`,
        hosts.map((exchange) => ({ exchange, priority: 10 })),
      );
      for (const host of hosts) dns.add(`A ${host}`, ['198.51.100.1']);
    }
    const labels = Array.from({ length: 7 }, (_, at) => `l${at}`).join('.');
    const headers = HEADERS.replace('anna@example.org', `anna@${labels}.example.org`);
    const keys = Array.from({ length: 10 }, (_, at) => publishKey(dns, 'example.org', `s${at}`));
    const signed = (await sign(`${headers}\r\n${BODY}`, keys)) + headers;
    const { dmarc } = await check({ headers: signed });
    expect(dns.asked).toHaveLength(100);
    expect(dmarc.result).toBe('temperror');
  });

  test('a message that is no message has results too', async () => {
    const results = await check({
      headers: '',
      body: Buffer.alloc(100, 0xff),
      helo: '\xff',
      sender: 'x',
    });
    expect(results).toMatchObject({ dkim: [], dmarc: { result: 'none' }, arc: { result: 'none' } });
  });
});

test.each([
  ['mx.example.com', /^mx\.example\.com;/],
  ['no; name', /^fallback\.example;/],
])('the header is in the name of the MTA, %j', async (mta, expected) => {
  const named = new AuthenticateCapability({
    timeoutMs: 20_000,
    resolver: dns.resolve,
    mta: 'fallback.example',
  });
  expect((await check({ mta }, named)).header).toMatch(expected);
  named.close();
});

describe('a failure', () => {
  test.each([[[]], [[null]], [[{ headers: HEADERS }]], [[{ headers: 1, client: {}, sender: '' }]]])(
    'of arguments such as %j is said so',
    async (args) => {
      const context = { body: () => Buffer.alloc(0), signal: new AbortController().signal };
      await expect(capability.perform(args, context)).rejects.toMatchObject({
        code: 'ERR_ARGUMENT',
      });
    },
  );

  test('of having no message is said so', async () => {
    const args = [{ headers: '', client: {}, sender: '' }];
    const context = { body: undefined, signal: new AbortController().signal };
    await expect(capability.perform(args, context)).rejects.toMatchObject({
      code: 'ERR_NO_MESSAGE',
    });
  });

  test('of the DNS to answer ends with the time limit, and others are not concerned', async () => {
    const never = (name: string, type: string): Promise<unknown> =>
      name === 'slow.example' ? new Promise(() => {}) : dns.resolve(name, type);
    const short = new AuthenticateCapability({ timeoutMs: 1500, resolver: never });
    // The thread is there before a limit counts.
    await check({}, short);
    const hung = check({ sender: 'a@slow.example' }, short);
    expect((await check({}, short)).spf.result).toBe('none');
    await expect(hung).rejects.toMatchObject({ code: 'ERR_AUTHENTICATE_TIME' });
    expect((await check({}, short)).spf.result).toBe('none');
    expect(mockStarted).toHaveLength(1);
    short.close();
  });

  test('to end with a message ends the thread; others begin again in a new one', async () => {
    const quick = new AuthenticateCapability({ timeoutMs: 300, resolver: dns.resolve });
    const patient = check({}, quick);
    await patient;
    // Ten lengths to hash 60 MB for.
    const lengths = Array.from(
      { length: 10 },
      (_, at) =>
        `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=x; h=from; l=${60_000_000 - at}; bh=x; b=x\r\n`,
    );
    const body = Buffer.alloc(60_000_000, 'a b \r\n');
    await expect(check({ headers: lengths.join('') + HEADERS, body }, quick)).rejects.toMatchObject(
      {
        code: 'ERR_AUTHENTICATE_TIME',
      },
    );
    await new Promise((ended) => mockStarted[0]!.once('exit', ended));
    expect((await check({}, quick)).spf.result).toBe('none');
    expect(mockStarted).toHaveLength(2);
    quick.close();
  });

  test('of the thread is nothing that a message notices, once', async () => {
    let release = () => {};
    const waiting = new Promise<void>((resolve) => {
      release = resolve;
    });
    const late = new AuthenticateCapability({
      timeoutMs: 20_000,
      resolver: async (name, type) => {
        dns.asked.push(name);
        if (dns.asked.filter((asked) => asked === 'late.example').length === 1) {
          mockStarted.at(-1)!.terminate();
          await waiting;
        }
        return dns.resolve(name, type);
      },
    });
    expect((await check({ sender: 'a@late.example' }, late)).spf.result).toBe('none');
    release();
    expect(mockStarted).toHaveLength(2);
    late.close();
  });

  test('of the thread, again and again, is one of the message', async () => {
    const deadly = new AuthenticateCapability({
      timeoutMs: 20_000,
      resolver: async () => {
        mockStarted.at(-1)!.terminate();
        return new Promise(() => {});
      },
    });
    await expect(check({}, deadly)).rejects.toMatchObject({ code: 'ERR_AUTHENTICATE' });
    expect(mockStarted).toHaveLength(2);
    deadly.close();
  });

  test('of anybody to wait ends the checks', async () => {
    const abort = new AbortController();
    const never = new AuthenticateCapability({
      timeoutMs: 20_000,
      resolver: () => {
        abort.abort();
        return new Promise(() => {});
      },
    });
    await expect(check({ signal: abort.signal }, never)).rejects.toMatchObject({
      code: 'ERR_AUTHENTICATE',
    });
    never.close();
  });

  test('leaves no listener behind, nor does a success', async () => {
    const { signal } = new AbortController();
    await check({ signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

test('closing ends what is under way', async () => {
  const ended = new AuthenticateCapability({ timeoutMs: 20_000, resolver: dns.resolve });
  const results = check({}, ended);
  ended.close();
  await expect(results).rejects.toMatchObject({ code: 'ERR_AUTHENTICATE' });
});
