import type { Answer } from 'dns-packet';
import { DnsCapability } from '../../../src/capabilities/dns/dns.ts';
import { DnsServer, SERVFAIL, zone } from '../../harness/dns-server.ts';

const NOT_UTF8 = Buffer.from([0x63, 0x61, 0x66, 0xe9]);

const RECORDS: readonly Answer[] = [
  { name: 'a.test', type: 'A', ttl: 60, data: '192.0.2.1' },
  { name: 'a.test', type: 'A', ttl: 60, data: '192.0.2.2' },
  { name: 'a.test', type: 'AAAA', ttl: 60, data: '2001:db8::1' },
  { name: 'xn--bcher-kva.test', type: 'A', ttl: 60, data: '192.0.2.3' },
  { name: 'a.test', type: 'MX', ttl: 60, data: { preference: 20, exchange: 'second.test' } },
  { name: 'a.test', type: 'MX', ttl: 60, data: { preference: 10, exchange: 'first.test' } },
  { name: 'a.test', type: 'MX', ttl: 60, data: { preference: 5, exchange: 'no host.test' } },
  { name: 'nomail.test', type: 'MX', ttl: 60, data: { preference: 0, exchange: '.' } },
  { name: 'a.test', type: 'TXT', ttl: 60, data: ['v=spf1 ', '-all'] },
  { name: 'a.test', type: 'TXT', ttl: 60, data: [Buffer.from([0xc3]), Buffer.from([0xa4])] },
  { name: 'a.test', type: 'TXT', ttl: 60, data: [NOT_UTF8] },
  { name: '1.2.0.192.in-addr.arpa', type: 'PTR', ttl: 60, data: 'Host.Test' },
  { name: '1.2.0.192.in-addr.arpa', type: 'PTR', ttl: 60, data: 'evil\r\nname.test' },
  {
    name: '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
    type: 'PTR',
    ttl: 60,
    data: 'six.test',
  },
];

const { signal } = new AbortController();

describe('dns of a filter', () => {
  let server: DnsServer;
  let dns: DnsCapability;
  const ask = (name: string, ...args: unknown[]) => dns.perform(name, args, { signal });

  beforeEach(async () => {
    server = await DnsServer.start(zone(RECORDS));
    dns = new DnsCapability({
      servers: [server.address],
      timeoutMs: 2000,
      tries: 1,
      cacheEntries: 100,
    });
  });
  afterEach(async () => {
    dns.close();
    await server.close();
  });

  test('gives addresses', async () => {
    expect(await ask('resolve4', 'a.test')).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(await ask('resolve6', 'a.test')).toEqual(['2001:db8::1']);
  });

  test('gives an empty list for what is not there', async () => {
    expect(await ask('resolve4', 'missing.test')).toEqual([]);
    expect(await ask('resolve6', 'nomail.test')).toEqual([]);
  });

  test('compares names without case and without the trailing dot', async () => {
    expect(await ask('resolve6', 'A.Test.')).toEqual(['2001:db8::1']);
    expect(server.asked[0]!.name).toBe('a.test');
  });

  test('asks for international names in ASCII', async () => {
    expect(await ask('resolve4', 'Bücher.test')).toEqual(['192.0.2.3']);
  });

  test('gives MX records by priority, without those that name no host', async () => {
    expect(await ask('resolveMx', 'a.test')).toEqual([
      { exchange: 'first.test', priority: 10 },
      { exchange: 'second.test', priority: 20 },
    ]);
  });

  test('gives a null MX as such', async () => {
    expect(await ask('resolveMx', 'nomail.test')).toEqual([{ exchange: '', priority: 0 }]);
  });

  test('joins the strings of a TXT record before it reads them as UTF-8, or else as Latin-1', async () => {
    expect(await ask('resolveTxt', 'a.test')).toEqual(['v=spf1 -all', 'ä', 'café']);
  });

  test.each([
    ['an IPv4 address', '192.0.2.1', ['Host.Test']],
    ['an IPv4 address written as IPv6', '::ffff:192.0.2.1', ['Host.Test']],
    ['a reverse name', '1.2.0.192.in-addr.arpa', ['Host.Test']],
    ['an IPv6 address', '2001:db8::1', ['six.test']],
    ['an address without a name', '192.0.2.9', []],
  ])('finds the names of %s, and none that could break a line', async (_, address, names) => {
    expect(await ask('resolvePtr', address)).toEqual(names);
  });

  test.each([
    ['resolve4', ['']],
    ['resolve4', ['.']],
    ['resolve4', ['a..test']],
    ['resolve4', ['a b.test']],
    ['resolve4', ['a\0.test']],
    ['resolve4', [`${'x'.repeat(64)}.test`]],
    ['resolve4', [`${'x.'.repeat(127)}x`]],
    ['resolve4', ['xn--\u{fffd}.test']],
    ['resolve4', []],
    ['resolve4', [7]],
    ['resolve4', ['a.test', 'b.test']],
    ['resolveMx', [null]],
    ['resolvePtr', ['a..b']],
    ['list', ['zone.test']],
    ['list', ['zone.test', 'not an address']],
    ['list', ['zone.test', 'fe80::1%eth0']],
    ['list', ['..', '192.0.2.1']],
  ])('refuses %s with %j and asks nobody', async (name, args) => {
    await expect(ask(name, ...args)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(server.asked).toEqual([]);
  });

  test('accepts the longest names', async () => {
    const longest = `${'x.'.repeat(126)}x`;
    expect(await ask('resolve4', longest)).toEqual([]);
    expect(await ask('resolve4', `${'y'.repeat(63)}.test`)).toEqual([]);
    expect(server.asked[0]!.name).toBe(longest);
  });

  test('has nothing else', async () => {
    await expect(ask('reverse', 'a.test')).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_CAPABILITY',
    });
  });

  test('names the server that failed, and what was asked', async () => {
    server.answering = () => ({ rcode: SERVFAIL });
    await expect(ask('resolve4', 'a.test')).rejects.toMatchObject({
      code: 'ERR_DNS_SERVER',
      message: `dns: no answer for a.test (A): ${server.address} answered with SERVFAIL`,
    });
  });
});
